// Package abi is the contract between the host and a guest, version 1.
//
// SPEC.md beside this file is normative; the constants here carry the numbers
// of that document into Go, and abi/proto holds the messages. The package
// imports the standard library only, runs nothing and allocates nothing: the
// host (host/engine/pool) drives an instance with it, plugins reads artifacts
// with it, and the guest SDKs carry generated copies of the same numbers.
//
// A call, seen from the host:
//
//	base := frame address, asked for once
//	write the request at abi.InPtr, the host fields of the frame with abi.PutHost
//	status := berth1_call(op, len)
//	read the response at abi.OutPtr, abi.OutLen
//
// It is not a codec and not an engine.
package abi
