// Package proto holds the messages that cross the ABI: their IDL (*.proto) and
// the codecs generated from it.
//
// The wire format is that of protocol buffers. Each message has Size,
// MarshalTo, which writes Size bytes into a buffer (the host hands it the
// guest's memory), Unmarshal, which copies everything it keeps, and
// UnmarshalView, which copies nothing, for a reader that is done with the
// message before its bytes change. Encoding is deterministic: ascending field
// numbers, maps in the order of their keys. Decoding skips what it does not
// know, refuses groups and strings that are not UTF-8, and bounds every count
// (ABI-050 to ABI-054). What the bytes of each message are, testdata/golden says.
//
// The Go guest SDK carries a generated copy. This package is no general
// protocol buffers library; it has no reflection and no JSON.
package proto

//go:generate go run ../internal/codegen
