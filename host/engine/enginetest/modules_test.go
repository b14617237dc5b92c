package enginetest

import "testing"

func TestAssembled(t *testing.T) {
	for _, dir := range []string{"testdata", "testdata/invalid"} {
		t.Run(dir, func(t *testing.T) { Assembled(t, dir) })
	}
}
