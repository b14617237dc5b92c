package abi

import "strconv"

// Op is an operation of berth1_call: kind<<16 | method. Numbers are permanent (ABI-020).
type Op uint32

// Kinds of operation, the upper half of an Op.
const (
	KindLifecycle     = 0x0000
	KindState         = 0x0001
	KindPubSub        = 0x0002
	KindInputBinding  = 0x0003
	KindOutputBinding = 0x0004
	KindSecretStore   = 0x0005
	KindConfiguration = 0x0006
	KindLock          = 0x0007
	KindPrivateFirst  = 0x7F00 // private experiments, to 0x7FFF
)

// Operations of the lifecycle kind, which every component answers, and of the
// state kind (ABI-021, ABI-022). The messages are those of abi/proto.
const (
	OpDescribe Op = 0 // -> Manifest; KindLifecycle, method 0
	OpInit     Op = 1 // InitRequest -> InitResponse
	OpPing     Op = 2
	OpClose    Op = 3
	OpDrain    Op = 4

	OpStateGet              Op = KindState<<16 | 1
	OpStateSet              Op = KindState<<16 | 2
	OpStateDelete           Op = KindState<<16 | 3
	OpStateBulkGet          Op = KindState<<16 | 4
	OpStateBulkSet          Op = KindState<<16 | 5
	OpStateBulkDelete       Op = KindState<<16 | 6
	OpStateTransact         Op = KindState<<16 | 7
	OpStateMultiMaxSize     Op = KindState<<16 | 8
	OpStateQuery            Op = KindState<<16 | 9
	OpStateDeleteWithPrefix Op = KindState<<16 | 10
	OpStateKeysLike         Op = KindState<<16 | 11
)

var opNames = map[Op]string{
	OpDescribe: "Describe", OpInit: "Init", OpPing: "Ping", OpClose: "Close", OpDrain: "Drain",
	OpStateGet: "state.Get", OpStateSet: "state.Set", OpStateDelete: "state.Delete",
	OpStateBulkGet: "state.BulkGet", OpStateBulkSet: "state.BulkSet", OpStateBulkDelete: "state.BulkDelete",
	OpStateTransact: "state.Transact", OpStateMultiMaxSize: "state.MultiMaxSize", OpStateQuery: "state.Query",
	OpStateDeleteWithPrefix: "state.DeleteWithPrefix", OpStateKeysLike: "state.KeysLike",
}

// String returns the operation's name, such as "state.Get", or its number in hex.
func (o Op) String() string {
	if s, ok := opNames[o]; ok {
		return s
	}
	return "op 0x" + strconv.FormatUint(uint64(o), 16)
}
