package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
)

// Plugin is one plugin that was found. It is safe for concurrent use.
type Plugin struct {
	Manifest *proto.Manifest // not to be changed
	Source   string          // path of the file, or "embedded:" and its name
	Size     int64           // of the module in bytes

	fsys   fs.FS
	name   string
	claims []claim

	mu     sync.Mutex // over digest
	digest string     // of the first bytes read; what is read later has to have it
}

// errFolder marks a folder where a file was looked for.
var errFolder = errors.New("is a folder")

// load reads the manifest of a file. Its errors do not name the place, which
// the caller knows.
func load(fsys fs.FS, name, source string, maxSize int64) (*Plugin, error) {
	info, err := fs.Stat(fsys, name) // follows links, and looks before opening: opening a pipe would wait for its writer
	if err != nil {
		return nil, unreadable("", err)
	}
	if err := usable(info, maxSize); err != nil {
		return nil, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, unreadable("", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, unreadable("", err)
	}
	if err := usable(info, maxSize); err != nil {
		return nil, err
	}
	var r io.ReaderAt
	if at, ok := f.(io.ReaderAt); ok {
		r = at
	} else {
		b, err := io.ReadAll(io.LimitReader(f, info.Size()))
		if err != nil {
			return nil, unreadable("", err)
		}
		r = bytes.NewReader(b)
	}
	m, err := manifest.ReadFrom(r, info.Size())
	if err != nil {
		return nil, err
	}
	return &Plugin{Manifest: m, Source: source, Size: info.Size(), fsys: fsys, name: name, claims: claims(m)}, nil
}

func usable(info fs.FileInfo, maxSize int64) error {
	switch {
	case info.IsDir():
		return &plugins.Error{Code: plugins.Unreadable, What: errFolder.Error(), Hint: "name a .wasm file", Err: errFolder}
	case !info.Mode().IsRegular():
		return &plugins.Error{Code: plugins.Unreadable, What: "is not a regular file (" + info.Mode().Type().String() + ")"}
	case info.Size() > maxSize:
		return &plugins.Error{Code: plugins.TooLarge, What: fmt.Sprintf("has %d bytes, the limit is %d", info.Size(), maxSize)}
	}
	return nil
}

// Wasm reads the module. It fails when that is no longer the file whose
// manifest was read, or not the bytes that were read before.
func (p *Plugin) Wasm() ([]byte, error) {
	f, err := p.fsys.Open(p.name)
	if err != nil {
		return nil, unreadable(p.Source, err)
	}
	defer f.Close()
	wasm := make([]byte, p.Size)
	n, err := io.ReadFull(f, wasm)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, unreadable(p.Source, err)
	}
	var more [1]byte
	if k, _ := f.Read(more[:]); n < len(wasm) || k > 0 {
		return nil, p.changed("its size is another")
	}
	m, err := manifest.Read(wasm)
	if err != nil || !bytes.Equal(m.Marshal(), p.Manifest.Marshal()) {
		return nil, p.changed("its manifest is another")
	}
	digest := verify.Digest(wasm)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.digest == "" {
		p.digest = digest
	}
	if digest != p.digest {
		return nil, p.changed("digest is " + digest + ", it was " + p.digest)
	}
	return wasm, nil
}

func (p *Plugin) changed(what string) error {
	return &plugins.Error{Code: plugins.Changed, Where: p.Source, What: "changed since it was found: " + what,
		Hint: "reload, and do not write into a plugin's file: put the new one in its place with a rename"}
}

// Digest returns the module's digest. It is computed when it is first asked
// for or the module is first read, and is that of those bytes for good.
func (p *Plugin) Digest() (string, error) {
	p.mu.Lock()
	digest := p.digest
	p.mu.Unlock()
	if digest != "" {
		return digest, nil
	}
	wasm, err := p.Wasm()
	if err != nil {
		return "", err
	}
	return verify.Digest(wasm), nil
}

// claim is a type, in lower case, and a version that a plugin can be asked for as.
type claim struct{ typ, version string }

func claims(m *proto.Manifest) []claim {
	var out []claim
	for i := range m.Kinds {
		k := &m.Kinds[i]
		for _, typ := range append([]string{k.Type}, k.Aliases...) {
			for _, v := range k.Versions {
				out = append(out, claim{strings.ToLower(typ), v})
			}
		}
	}
	return out
}

// versions lists the versions of a type that the plugin has, its default first.
func (p *Plugin) versions(typ string) []string {
	var out []string
	for _, c := range p.claims {
		if c.typ == typ {
			out = append(out, c.version)
		}
	}
	return out
}
