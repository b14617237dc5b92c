package plugins

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// Code names a reason of refusal. Codes are stable: tools match on them.
type Code string

const (
	// The file.
	Unreadable     Code = "BERTH_PLUGIN_UNREADABLE"      // cannot be opened or read
	TooLarge       Code = "BERTH_PLUGIN_TOO_LARGE"       // over the size limit, or more parts than any real module has
	Empty          Code = "BERTH_PLUGIN_EMPTY"           // no bytes
	NotWasm        Code = "BERTH_PLUGIN_NOT_WASM"        // does not start with \0asm
	ComponentModel Code = "BERTH_PLUGIN_COMPONENT_MODEL" // a component-model binary, not a core module
	Truncated      Code = "BERTH_PLUGIN_TRUNCATED"       // ends in the middle of something
	MalformedWasm  Code = "BERTH_PLUGIN_MALFORMED"       // breaks the binary format
	Changed        Code = "BERTH_PLUGIN_CHANGED"         // not the file that was found before

	// The manifest.
	ManifestMissing   Code = "BERTH_PLUGIN_MANIFEST_MISSING"
	ManifestDuplicate Code = "BERTH_PLUGIN_MANIFEST_DUPLICATE" // two sections of that name
	ManifestTooLarge  Code = "BERTH_PLUGIN_MANIFEST_TOO_LARGE"
	ManifestInvalid   Code = "BERTH_PLUGIN_MANIFEST_INVALID"

	// The module against the ABI and this host.
	Memory            Code = "BERTH_PLUGIN_MEMORY"                // none, not exported, imported, or more than one
	Memory64          Code = "BERTH_PLUGIN_MEMORY64"              // 64-bit addresses
	SharedMemory      Code = "BERTH_PLUGIN_SHARED_MEMORY"         // threads
	ExportMissing     Code = "BERTH_PLUGIN_EXPORT_MISSING"        //
	ExportSignature   Code = "BERTH_PLUGIN_EXPORT_SIGNATURE"      // also an export of another kind
	StartExported     Code = "BERTH_PLUGIN_START_EXPORTED"        // a command, not a reactor
	ImportUnknown     Code = "BERTH_PLUGIN_IMPORT_UNKNOWN"        //
	ImportSignature   Code = "BERTH_PLUGIN_IMPORT_SIGNATURE"      // also an import that is no function
	ImportNewer       Code = "BERTH_PLUGIN_IMPORT_NEWER"          // a later minor version than the manifest asks for brought it
	NotOffered        Code = "BERTH_PLUGIN_NOT_OFFERED"           // part of the ABI that this host version does not offer
	Undeclared        Code = "BERTH_PLUGIN_CAPABILITY_UNDECLARED" // uses what its manifest does not ask for
	ABINewer          Code = "BERTH_PLUGIN_ABI_NEWER"             // a later minor version
	ABIMajor          Code = "BERTH_PLUGIN_ABI_MAJOR"             // another major version
	MiddlewareModule  Code = "BERTH_PLUGIN_HTTP_WASM"             // an http-wasm middleware
	TypeMismatch      Code = "BERTH_PLUGIN_TYPE_MISMATCH"         // not the type that was asked for
	VersionMismatch   Code = "BERTH_PLUGIN_VERSION_MISMATCH"      // the type, but not that version
	DigestMismatch    Code = "BERTH_PLUGIN_DIGEST_MISMATCH"       // not the bytes that were pinned
	DigestInvalid     Code = "BERTH_PLUGIN_DIGEST_INVALID"        // the pin itself is wrong
	NotFound          Code = "BERTH_PLUGIN_NOT_FOUND"             // no plugin of that type
	Ambiguous         Code = "BERTH_PLUGIN_AMBIGUOUS"             // several plugins of that type and version in one folder
	SourceUnsupported Code = "BERTH_PLUGIN_SOURCE_UNSUPPORTED"    // a URL scheme that this version cannot read
	SourceInvalid     Code = "BERTH_PLUGIN_SOURCE_INVALID"        // a URL that means nothing
)

// Error is one reason why a plugin is not taken.
type Error struct {
	Code  Code
	Where string // the file, or "file:line"; "" when the caller names it
	What  string // what is wrong
	Hint  string // what to do about it; may be empty
	Err   error  // the cause, when there is one below; What says it already
}

// Error returns all of it in one line: "file: what; hint [CODE]".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	b.WriteString(e.What)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	b.WriteString(" [" + string(e.Code) + "]")
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// At returns a copy of e that names where, unless e names a place already.
func (e *Error) At(where string) *Error {
	c := *e
	if c.Where == "" {
		c.Where = where
	}
	return &c
}

// Errors is every reason found at once.
type Errors []*Error

// Error returns one line for each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// Err returns e as an error, or nil when there is no reason in it.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// All returns every *Error in err, which may be nil. An error of another kind
// comes back as Unreadable, so that nothing is lost.
func All(err error) Errors {
	var many Errors
	var one *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		return many
	case errors.As(err, &one):
		return Errors{one}
	}
	return Errors{{Code: Unreadable, What: err.Error(), Err: err}}
}

// Has reports whether err holds a reason with that code.
func Has(err error, code Code) bool {
	for _, e := range All(err) {
		if e.Code == code {
			return true
		}
	}
	return false
}

// Printable returns a text that comes from a module as it may be shown: control
// characters are escaped, and what is longer than any message is cut.
func Printable(s string) string {
	const limit = 400
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		q := strconv.Quote(s)
		return q[1 : len(q)-1]
	}
	return s
}

// Structure turns an error of wasmfile into a refusal with its code.
func Structure(err error) *Error {
	e := &Error{What: Printable(err.Error()), Err: err}
	switch {
	case errors.Is(err, wasmfile.ErrEmpty):
		e.Code, e.Hint = Empty, "the build or the copy that wrote it failed"
	case errors.Is(err, wasmfile.ErrNotWasm):
		e.Code = NotWasm
	case errors.Is(err, wasmfile.ErrComponent):
		e.Code, e.Hint = ComponentModel, "build for wasip1, not wasip2, and do not wrap the module with a component adapter"
	case errors.Is(err, wasmfile.ErrTruncated):
		e.Code, e.Hint = Truncated, "copy or build it again"
	default:
		e.Code = MalformedWasm
	}
	return e
}
