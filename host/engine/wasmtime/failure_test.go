//go:build wasmtime && cgo

package wasmtime

import "testing"

func TestChain(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"one", "a module", "a module"},
		{"one cause", "failed to parse\n\nCaused by:\n    bad id: 64", "failed to parse: bad id: 64"},
		{"causes", "failed\n\nCaused by:\n    0: first: of two\n    1: second", "failed: first: of two: second"},
		{"library's frames", "failed\n\nStack backtrace:\n   0: <unknown>\n", "failed"},
		{"cause and library's frames", "failed\n\nCaused by:\n    x\n\nStack backtrace:\n   0: main\n", "failed: x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := chain(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFrames(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"none", "wasm trap: unreachable", ""},
		{"two", "error while executing at wasm backtrace:\n    0:     0x43 - m!f\n    1:     0x47 - m!g\n\nCaused by:\n    x", "0: 0x43 - m!f\n1: 0x47 - m!g"},
		{"cut", "wasm backtrace:\n    0:     0x43 - m", "0: 0x43 - m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := frames(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
