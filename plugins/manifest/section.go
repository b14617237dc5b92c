package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// maxSections is how many sections a module may have: twelve that the format
// knows, and custom ones, of which toolchains write a dozen or two.
const maxSections = 1000

// Read gets the manifest out of a module. It has passed Check. The error is a
// *plugins.Error or plugins.Errors.
func Read(wasm []byte) (*proto.Manifest, error) {
	return ReadFrom(bytes.NewReader(wasm), int64(len(wasm)))
}

// ReadFrom gets the manifest out of a module of size bytes, of which it reads
// the headers of the sections and the manifest only.
func ReadFrom(r io.ReaderAt, size int64) (*proto.Manifest, error) {
	spans, err := find(r, size)
	if err != nil {
		return nil, err
	}
	switch {
	case len(spans) == 0:
		return nil, &plugins.Error{Code: plugins.ManifestMissing, What: "has no manifest",
			Hint: "add one: berth plugin pack FILE --manifest plugin.yaml"}
	case len(spans) > 1:
		return nil, &plugins.Error{Code: plugins.ManifestDuplicate, What: fmt.Sprintf("has %d manifests", len(spans)),
			Hint: "build the module again and pack it once"}
	}
	n := spans[0].end - spans[0].content
	if n > MaxSection {
		return nil, tooLarge(n)
	}
	b := make([]byte, n)
	if got, err := r.ReadAt(b, spans[0].content); got < len(b) {
		return nil, unreadable(err)
	}
	var m proto.Manifest
	if err := m.Unmarshal(b); err != nil {
		return nil, &plugins.Error{Code: plugins.ManifestInvalid, What: "manifest cannot be decoded: " + err.Error(),
			Hint: "pack the module again", Err: err}
	}
	if err := Check(&m).Err(); err != nil {
		return nil, err
	}
	return &m, nil
}

// Embed returns the module with m as its manifest, in place of one it may
// have. All else stays as it is, byte for byte. m has to pass Check.
func Embed(wasm []byte, m *proto.Manifest) ([]byte, error) {
	if err := Check(m).Err(); err != nil {
		return nil, err
	}
	content := m.Marshal()
	if len(content) > MaxSection {
		return nil, tooLarge(int64(len(content)))
	}
	spans, err := find(bytes.NewReader(wasm), int64(len(wasm)))
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(wasm)+len(content)+32)
	from := int64(0)
	for _, s := range spans {
		out = append(out, wasm[from:s.start]...)
		from = s.end
	}
	out = append(out, wasm[from:]...)
	return wasmfile.AppendCustom(out, abi.ManifestSection, content), nil
}

func tooLarge(n int64) error {
	return &plugins.Error{Code: plugins.ManifestTooLarge, What: fmt.Sprintf("has a manifest of %d bytes, the limit is %d", n, MaxSection)}
}

func unreadable(err error) error {
	return &plugins.Error{Code: plugins.Unreadable, What: "cannot be read: " + err.Error(), Err: err}
}

// span is where a manifest section lies in the file: its header, its content, its end.
type span struct{ start, content, end int64 }

// find walks over the sections, reading a few bytes of each, and returns those
// with a manifest. It does not judge the other sections.
func find(r io.ReaderAt, size int64) ([]span, error) {
	var head [len(wasmPreamble)]byte
	n, err := r.ReadAt(head[:min(size, int64(len(head)))], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, unreadable(err)
	}
	if _, err := wasmfile.Sections(head[:n]); err != nil {
		return nil, plugins.Structure(err)
	}
	var spans []span
	// The id, the content's size, the name's length, and a name as long as the one wanted.
	var buf [1 + 5 + 5 + len(abi.ManifestSection)]byte
	for at, sections := int64(len(head)), 0; at < size; sections++ {
		if sections == maxSections {
			return nil, &plugins.Error{Code: plugins.TooLarge, What: fmt.Sprintf("has over %d sections", maxSections)}
		}
		n, err := r.ReadAt(buf[:min(size-at, int64(len(buf)))], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, unreadable(err)
		}
		w := wasmfile.Reader{B: buf[:n]}
		id, length := w.Byte(), int64(w.U32())
		s := span{start: at, content: at + int64(w.Off), end: at + int64(w.Off) + length}
		if w.Err == nil && s.end > size {
			w.Fail("section of %d bytes, %d left: %w", length, size-s.content, wasmfile.ErrTruncated)
		}
		if w.Err != nil {
			return nil, plugins.Structure(fmt.Errorf("section at offset %d: %w", at, w.Err))
		}
		if id == wasmfile.Custom && isManifest(buf[w.Off:n], length) {
			name := wasmfile.Reader{B: buf[w.Off:n]}
			name.Name()
			s.content += int64(name.Off)
			spans = append(spans, s)
		}
		at = s.end
	}
	return spans, nil
}

// wasmPreamble gives the length of wasmfile.Preamble as a constant.
const wasmPreamble = "\x00asm\x01\x00\x00\x00"

// isManifest reports whether a custom section of that length, whose first bytes
// are b, has the manifest's name.
func isManifest(b []byte, length int64) bool {
	w := wasmfile.Reader{B: b[:min(int64(len(b)), length)]}
	return w.U32() == uint32(len(abi.ManifestSection)) && string(w.Bytes(uint32(len(abi.ManifestSection)))) == abi.ManifestSection
}
