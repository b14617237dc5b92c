package rewrite

import (
	"errors"
	"fmt"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// Version is part of every key under which compiled code is cached. It changes
// whenever the same module would be rewritten differently.
const Version = 1

// Names that the rewritten module adds. Modules that use such names themselves are refused.
const (
	// FuelGlobal is the export name of the mutable i32 global that holds the fuel left.
	FuelGlobal = reserved + ".fuel"
	// IrqModule and IrqName name the one imported function, of type () -> i32.
	// It is called when the fuel ran out and returns the new fuel, at least 0.
	IrqModule = reserved
	IrqName   = "irq"

	reserved     = "$berth"
	startExport  = reserved + ".start"
	globalPrefix = reserved + ".g"
)

// Errors that Rewrite wraps, beside wasmfile.ErrMalformed and its kin.
var (
	// ErrUnsupported is a module that may be valid but uses what Berth does not offer.
	ErrUnsupported = errors.New("not supported")
	// ErrReserved is a module that uses a name of the host's.
	ErrReserved = errors.New("reserved name")
	// ErrLimit is a module beyond a limit of limits.go.
	ErrLimit = errors.New("over the limit")
)

// Result is a rewritten module and what the engine has to do for it.
type Result struct {
	Wasm []byte // the rewritten module
	// Checks is how many fuel checks it has.
	Checks int
	// Data are the active data segments, which the rewritten module no longer
	// writes by itself, in order.
	Data []Segment
	// Globals are the export names of the mutable globals in the order of their
	// indexes; the last one is FuelGlobal.
	Globals []string
	// Start is the export name of the start function, or "". The rewritten
	// module does not call it.
	Start string
	// Snapshot is nil when a new instance with a copy of this one's memory and
	// Globals behaves like this one, or says why not.
	Snapshot error

	placed placed
}

// placed says where checks are.
type placed struct {
	entries, heads, backs, bulk int
	// forward is how many branches to the head of a loop have no check because
	// they only go forward.
	forward int
}

func (p placed) checks() int { return p.entries + p.heads + p.backs + p.bulk }

// Segment is an active data segment.
type Segment struct {
	Offset uint32 // where in memory 0 its bytes go
	Bytes  []byte // aliases the original module
}

// Rewrite prepares a module for the wazero engine. The original need not be
// valid: the engine validates the result.
func Rewrite(wasm []byte) (*Result, error) {
	sections, err := wasmfile.Sections(wasm)
	if err != nil {
		return nil, err
	}
	m := &module{wasm: wasm, res: &Result{}}
	for _, s := range sections {
		if s.ID != wasmfile.Custom {
			m.section[s.ID] = s
		} else if s.Name == "name" && m.names == nil {
			m.names = s.Content
		}
	}
	if err := m.read(); err != nil {
		return nil, err
	}
	return m.write()
}

// module is the state of one rewriting.
type module struct {
	wasm    []byte
	res     *Result
	section [wasmfile.Tag + 1]wasmfile.Section // by id; Content nil where there is none
	names   []byte

	types         []funcType
	funcs         []uint32 // type of each function, imports first
	callCosts     []int    // cost of calling each
	funcImports   uint32
	globalImports uint32
	globals       []globalType // imports first
	tableImports  int
	tables        []tableType // defined ones
	memories      int
	start         int64 // function index, or -1

	localBudget int
}

type funcType struct {
	params, results int
}

type globalType struct {
	valType byte
	mutable bool
}

// shift is the new index of a function.
func (m *module) shift(f uint32) uint32 {
	if f >= m.funcImports {
		return f + 1
	}
	return f
}

// irq is the function index of the added import.
func (m *module) irq() uint32 { return m.funcImports }

// fuel is the index of the added global.
func (m *module) fuel() uint32 { return uint32(len(m.globals)) }

// snapshotFails records the first reason against cloning.
func (m *module) snapshotFails(format string, args ...any) {
	if m.res.Snapshot == nil {
		m.res.Snapshot = fmt.Errorf(format, args...)
	}
}

// write puts the new module together. Sections come in their order, whatever
// was or was not there before.
func (m *module) write() (*Result, error) {
	out := make([]byte, 0, len(m.wasm)+len(m.wasm)/16+512)
	out = append(out, wasmfile.Preamble...)
	steps := []struct {
		id    byte
		write func([]byte) ([]byte, error)
	}{
		{wasmfile.Type, m.writeTypes},
		{wasmfile.Import, m.writeImports},
		{wasmfile.Function, m.writeFunctions},
		{wasmfile.Table, m.writeTables},
		{wasmfile.Memory, m.copySection(wasmfile.Memory)},
		{wasmfile.Global, m.writeGlobals},
		{wasmfile.Export, m.writeExports},
		{wasmfile.Element, m.writeElements},
		{wasmfile.DataCount, m.copySection(wasmfile.DataCount)},
		{wasmfile.Code, m.writeCode},
		{wasmfile.Data, m.writeData},
	}
	for _, s := range steps {
		mark := len(out)
		out = append(out, s.id, 0, 0, 0, 0, 0)
		body := len(out)
		var err error
		if out, err = s.write(out); err != nil {
			return nil, err
		}
		if len(out) == body {
			out = out[:mark]
			continue
		}
		putU32(out[mark+1:body], len(out)-body)
	}
	out = m.writeNames(out)
	m.res.Wasm = out
	return m.res, nil
}

// copySection copies a section whose content stays as it is.
func (m *module) copySection(id byte) func([]byte) ([]byte, error) {
	return func(out []byte) ([]byte, error) { return append(out, m.section[id].Content...), nil }
}

// putU32 writes v as unsigned LEB128 over all of the five bytes of b, so that
// a size can be filled in once it is known.
func putU32(b []byte, v int) {
	for i := range 4 {
		b[i] = byte(v>>(7*i)) | 0x80
	}
	b[4] = byte(v >> 28)
}

// has reports whether the original has the section. No section starts at offset 0.
func (m *module) has(id byte) bool { return m.section[id].Start != 0 }

// reader is a cursor over a section's content. Its offsets are those of the file.
func (m *module) reader(id byte) *wasmfile.Reader {
	s := &m.section[id]
	return &wasmfile.Reader{B: m.wasm[:s.Start+len(s.Content)], Off: s.Start}
}

// done checks that a section was read to its end without an error.
func (m *module) done(id byte, r *wasmfile.Reader) error {
	if r.Err == nil && r.Off != len(r.B) {
		r.Fail("%d bytes too many: %w", len(r.B)-r.Off, wasmfile.ErrMalformed)
	}
	if r.Err != nil {
		return fmt.Errorf("%s section: %w", sectionNames[id], r.Err)
	}
	return nil
}

var sectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export",
	"start", "element", "code", "data", "data count", "tag",
}
