package abi

// Signature is a function's type, one letter for each value: i is i32, I is
// i64, F is f64; the results come after a colon. "iI:i" is (i32, i64) -> i32.
type Signature string

var valueLetters = map[byte]byte{0x7f: 'i', 0x7e: 'I', 0x7d: 'f', 0x7c: 'F', 0x7b: 'v', 0x70: 'r', 0x6f: 'e'}

var valueNames = map[byte]string{'i': "i32", 'I': "i64", 'f': "f32", 'F': "f64", 'v': "v128", 'r': "funcref", 'e': "externref"}

// SignatureOf makes a signature from value types in their binary codes, as a
// module's type section has them. A code that no version knows becomes "?".
func SignatureOf(params, results []byte) Signature {
	b := make([]byte, 0, len(params)+1+len(results))
	letters := func(types []byte) {
		for _, t := range types {
			l, ok := valueLetters[t]
			if !ok {
				l = '?'
			}
			b = append(b, l)
		}
	}
	letters(params)
	b = append(b, ':')
	letters(results)
	return Signature(b)
}

// String returns the signature as "(i32, i64) -> i32", or "(i32) -> ()" without a result.
func (s Signature) String() string {
	out, sep, inResults, results := "(", "", false, 0
	for i := range len(s) {
		if s[i] == ':' && !inResults {
			out += ") -> "
			sep, inResults = "", true
			continue
		}
		name, ok := valueNames[s[i]]
		if !ok {
			name = "?"
		}
		out += sep + name
		sep = ", "
		if inResults {
			results++
		}
	}
	if results == 0 {
		out += "()"
	}
	return out
}

// Capabilities that a manifest asks for and an operator grants.
const (
	CapNetDial   = "net.dial"
	CapHTTPFetch = "http.fetch"
	CapFS        = "fs"
	CapEnv       = "env"
	CapSecrets   = "secrets"
	CapClockFine = "clock.fine"
	CapServe     = "serve" // comes with the mode SERVE, never asked for by name
	CapNone      = ""      // always granted
)

// Further import modules (ABI-030).
const (
	ImportSecret = "berth1_secret"
	ImportMetric = "berth1_metric"
	ImportTrace  = "berth1_trace"
	ImportKV     = "berth1_kv" // the name is reserved for a later minor version
)

// Import is one function that a guest may import.
type Import struct {
	Module, Name string
	Signature    Signature
	Since        uint16 // the minor version that brought it
	Capability   string // what gives access to it; CapNone when nothing has to
}

// Export is one function that a guest may export.
type Export struct {
	Name      string
	Signature Signature
	Since     uint16
	Required  bool
}

// Exports lists the functions that the host looks for in a module (ABI-001 to ABI-009).
func Exports() []Export {
	return []Export{
		{ExportInitialize, ":", 0, false},
		{ExportFrame, ":i", 0, true},
		{ExportReserve, "i:i", 0, true},
		{ExportCall, "ii:i", 0, true},
		{ExportServe, ":i", 0, false},
	}
}

// Imports lists every function of this version of the ABI (ABI-030). A host need not offer them all: which modules it does is its own
// matter, and a plugin that imports from another is refused when it is read.
func Imports() []Import {
	return []Import{
		{ImportCore, "log", "iii:i", 0, CapNone},
		{ImportCore, "log_enabled", "i:i", 0, CapNone},
		{ImportCore, "clock_now", "i:I", 0, CapNone},
		{ImportCore, "random_get", "ii:i", 0, CapNone},
		{ImportCore, "sleep", "I:i", 0, CapNone},
		{ImportCore, "result_take", "ii:i", 0, CapNone},
		{ImportCore, "call_cancelled", ":i", 0, CapNone},

		{ImportServe, "inbox_fd", ":i", 0, CapServe},
		{ImportServe, "serve_recv", "iiI:i", 0, CapServe},
		{ImportServe, "serve_reply", "Iiii:i", 0, CapServe},
		{ImportServe, "serve_emit", "IIii:i", 0, CapServe},

		{ImportNet, "net_dial", "ii:i", 0, CapNetDial},
		{ImportNet, "net_start_tls", "iii:i", 0, CapNetDial},
		{ImportNet, "net_read", "iiiI:i", 0, CapNetDial},
		{ImportNet, "net_write", "iiiI:i", 0, CapNetDial},
		{ImportNet, "net_shutdown", "ii:i", 0, CapNetDial},
		{ImportNet, "net_close", "i:i", 0, CapNetDial},
		{ImportNet, "net_info", "iii:i", 0, CapNetDial},

		{ImportHTTP, "http_fetch", "iiii:i", 0, CapHTTPFetch},
		{ImportHTTP, "http_open", "ii:i", 0, CapHTTPFetch},
		{ImportHTTP, "http_read", "iiiI:i", 0, CapHTTPFetch},
		{ImportHTTP, "http_close", "i:i", 0, CapHTTPFetch},

		{ImportSecret, "secret_get", "iiii:i", 0, CapSecrets},

		{ImportMetric, "metric_define", "iii:i", 0, CapNone},
		{ImportMetric, "metric_add", "iF:i", 0, CapNone},
		{ImportMetric, "metric_record", "iF:i", 0, CapNone},

		{ImportTrace, "span_start", "ii:I", 0, CapNone},
		{ImportTrace, "span_attr", "Iii:i", 0, CapNone},
		{ImportTrace, "span_end", "Ii:i", 0, CapNone},

		// WASI preview 1: every name links, so that what a language's runtime
		// drags in does not keep a plugin from loading; what is not granted
		// answers an errno.
		{ImportWASI, "args_get", "ii:i", 0, CapNone},
		{ImportWASI, "args_sizes_get", "ii:i", 0, CapNone},
		{ImportWASI, "clock_res_get", "ii:i", 0, CapNone},
		{ImportWASI, "clock_time_get", "iIi:i", 0, CapNone},
		{ImportWASI, "environ_get", "ii:i", 0, CapNone},
		{ImportWASI, "environ_sizes_get", "ii:i", 0, CapNone},
		{ImportWASI, "fd_advise", "iIIi:i", 0, CapNone},
		{ImportWASI, "fd_allocate", "iII:i", 0, CapNone},
		{ImportWASI, "fd_close", "i:i", 0, CapNone},
		{ImportWASI, "fd_datasync", "i:i", 0, CapNone},
		{ImportWASI, "fd_fdstat_get", "ii:i", 0, CapNone},
		{ImportWASI, "fd_fdstat_set_flags", "ii:i", 0, CapNone},
		{ImportWASI, "fd_fdstat_set_rights", "iII:i", 0, CapNone},
		{ImportWASI, "fd_filestat_get", "ii:i", 0, CapNone},
		{ImportWASI, "fd_filestat_set_size", "iI:i", 0, CapNone},
		{ImportWASI, "fd_filestat_set_times", "iIIi:i", 0, CapNone},
		{ImportWASI, "fd_pread", "iiiIi:i", 0, CapNone},
		{ImportWASI, "fd_prestat_dir_name", "iii:i", 0, CapNone},
		{ImportWASI, "fd_prestat_get", "ii:i", 0, CapNone},
		{ImportWASI, "fd_pwrite", "iiiIi:i", 0, CapNone},
		{ImportWASI, "fd_read", "iiii:i", 0, CapNone},
		{ImportWASI, "fd_readdir", "iiiIi:i", 0, CapNone},
		{ImportWASI, "fd_renumber", "ii:i", 0, CapNone},
		{ImportWASI, "fd_seek", "iIii:i", 0, CapNone},
		{ImportWASI, "fd_sync", "i:i", 0, CapNone},
		{ImportWASI, "fd_tell", "ii:i", 0, CapNone},
		{ImportWASI, "fd_write", "iiii:i", 0, CapNone},
		{ImportWASI, "path_create_directory", "iii:i", 0, CapNone},
		{ImportWASI, "path_filestat_get", "iiiii:i", 0, CapNone},
		{ImportWASI, "path_filestat_set_times", "iiiiIIi:i", 0, CapNone},
		{ImportWASI, "path_link", "iiiiiii:i", 0, CapNone},
		{ImportWASI, "path_open", "iiiiiIIii:i", 0, CapNone},
		{ImportWASI, "path_readlink", "iiiiii:i", 0, CapNone},
		{ImportWASI, "path_remove_directory", "iii:i", 0, CapNone},
		{ImportWASI, "path_rename", "iiiiii:i", 0, CapNone},
		{ImportWASI, "path_symlink", "iiiii:i", 0, CapNone},
		{ImportWASI, "path_unlink_file", "iii:i", 0, CapNone},
		{ImportWASI, "poll_oneoff", "iiii:i", 0, CapNone},
		{ImportWASI, "proc_exit", "i:", 0, CapNone},
		{ImportWASI, "proc_raise", "i:i", 0, CapNone},
		{ImportWASI, "random_get", "ii:i", 0, CapNone},
		{ImportWASI, "sched_yield", ":i", 0, CapNone},
		{ImportWASI, "sock_accept", "iii:i", 0, CapNone},
		{ImportWASI, "sock_recv", "iiiiii:i", 0, CapNone},
		{ImportWASI, "sock_send", "iiiii:i", 0, CapNone},
		{ImportWASI, "sock_shutdown", "ii:i", 0, CapNone},
	}
}
