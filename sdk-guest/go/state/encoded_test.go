package state

import (
	"bytes"
	"testing"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

func TestEncodeGet(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 1 << 21} {
		want := &GetResponse{Data: bytes.Repeat([]byte{7}, n), Etag: &Etag{Value: "e"}, Metadata: map[string]string{"k": "v"}}
		answer, data := EncodeGet(want)
		if !bytes.Equal(data, want.Data) {
			t.Errorf("%d bytes: the data are not where they were said to be", n)
		}
		var got wire.GetResponse
		if err := got.Unmarshal(answer); err != nil || !bytes.Equal(got.Data, want.Data) || got.Etag.Value != "e" || got.Metadata["k"] != "v" {
			t.Errorf("%d bytes: got %v, %v", n, got.Etag, err)
		}
	}
}
