package abi

import "testing"

func TestOpNumbers(t *testing.T) {
	// Numbers are permanent (ABI-020): a change here is another ABI.
	for op, want := range map[Op]struct {
		number uint32
		name   string
	}{
		OpDescribe: {0x00000, "Describe"}, OpInit: {0x00001, "Init"}, OpPing: {0x00002, "Ping"}, OpClose: {0x00003, "Close"}, OpDrain: {0x00004, "Drain"},
		OpStateGet: {0x10001, "state.Get"}, OpStateSet: {0x10002, "state.Set"}, OpStateDelete: {0x10003, "state.Delete"},
		OpStateBulkGet: {0x10004, "state.BulkGet"}, OpStateBulkSet: {0x10005, "state.BulkSet"}, OpStateBulkDelete: {0x10006, "state.BulkDelete"},
		OpStateTransact: {0x10007, "state.Transact"}, OpStateMultiMaxSize: {0x10008, "state.MultiMaxSize"}, OpStateQuery: {0x10009, "state.Query"},
		OpStateDeleteWithPrefix: {0x1000a, "state.DeleteWithPrefix"}, OpStateKeysLike: {0x1000b, "state.KeysLike"},
		0x7f000001: {0x7f000001, "op 0x7f000001"},
	} {
		if uint32(op) != want.number || op.String() != want.name {
			t.Errorf("got %#x %s, want %#x %s", uint32(op), op, want.number, want.name)
		}
	}
}

func TestStatusNumbers(t *testing.T) {
	// Permanent (ABI-024, ABI-025). 1 to 16 are gRPC's.
	names := map[Status]string{
		0: "OK", 1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND", 6: "ALREADY_EXISTS",
		7: "PERMISSION_DENIED", 8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION", 10: "ABORTED", 11: "OUT_OF_RANGE", 12: "UNIMPLEMENTED",
		13: "INTERNAL", 14: "UNAVAILABLE", 15: "DATA_LOSS", 16: "UNAUTHENTICATED",
		64: "ETAG_MISMATCH", 65: "ETAG_INVALID", 66: "BULK_DELETE_ROW_MISMATCH", 67: "SECRET_NOT_FOUND", 68: "INVALID_METADATA",
		69: "RETRYABLE", 70: "PARTIAL", 71: "NOT_READY", 72: "PANICKED",
	}
	for s := Status(-3); s < 300; s++ {
		want, known := names[s]
		if got := s.Known(); got != known {
			t.Errorf("%d: got known = %v, want %v", s, got, known)
		}
		if known && s.String() != want {
			t.Errorf("%d: got %s, want %s", s, s, want)
		}
	}
	if got := Status(-5).String(); got != "status -5" {
		t.Errorf("got %q, want status -5", got)
	}
}
