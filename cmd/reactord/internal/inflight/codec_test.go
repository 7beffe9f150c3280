package inflight

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// An answer takes up what is held for it: its size, whatever that is.
func TestAnswersTakeTheirSize(t *testing.T) {
	for _, size := range []int{2 << 10, 33 << 10, 64 << 10, 200 << 10, 3 << 20} {
		m := wrapperspb.Bytes(make([]byte, size))
		released := 0
		w, err := encode(m, proto.Size(m), func() { released++ })
		if err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, b := range w.bytes {
			taken += cap(b.ReadOnlyData())
		}
		if w.bytes.Len() != proto.Size(m) || taken > size+size/4+1024 {
			t.Errorf("%d bytes, for which %d are held, take up %d", w.bytes.Len(), proto.Size(m), taken)
		}
		if w.bytes.Free(); released != 1 {
			t.Errorf("released %d times", released)
		}
	}
}
