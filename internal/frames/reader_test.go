package frames

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// sunk writes down what a Reader tells.
type sunk struct {
	events []string
	data   map[uint32][]byte
}

func (s *sunk) Begin(h Header) { s.events = append(s.events, fmt.Sprintf("%+v", h)) }

func (s *sunk) EndStream(id uint32) { s.events = append(s.events, fmt.Sprintf("end %d", id)) }

func (s *sunk) Data(id uint32, p []byte) {
	s.data[id] = append(s.data[id], p...)
}

// script writes n frames as a client may, and what a reader of them is to tell.
func script(r *rand.Rand, n int) ([]byte, *sunk) {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	want := &sunk{data: make(map[uint32][]byte)}
	payload := func() []byte {
		p := make([]byte, r.IntN(400))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return p
	}
	for range n {
		start := b.Len()
		begun := func(kind Kind, stream uint32) {
			want.Begin(Header{Kind: kind, Flags: b.Bytes()[start+4], Stream: stream, Length: b.Len() - start - headerBytes})
		}
		id, end := uint32(2*r.IntN(5)+1), r.IntN(3) == 0
		switch r.IntN(6) {
		case 0, 1:
			p := payload()
			var err error
			if r.IntN(2) == 0 {
				err = f.WriteDataPadded(id, end, p, make([]byte, r.IntN(255)))
			} else {
				err = f.WriteData(id, end, p)
			}
			if err != nil {
				panic(err)
			}
			begun(Data, id)
			want.Data(id, p)
			if end {
				want.EndStream(id)
			}
		case 2:
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: payload(), EndStream: end, PadLength: uint8(r.IntN(50))})
			begun(Headers, id)
		case 3:
			_ = f.WriteContinuation(id, end, payload())
			begun(Continuation, id)
		case 4:
			_ = f.WritePing(end, [8]byte{1})
			begun(0x6, 0)
		case 5:
			_ = f.WriteWindowUpdate(id, 1+r.Uint32N(100))
			begun(0x8, id)
		}
	}
	return b.Bytes(), want
}

// Frames are followed whatever pieces they come in.
func TestFrames(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		b, want := script(r, 40)
		got := &sunk{data: make(map[uint32][]byte)}
		f := OfClient()
		for len(b) > 0 {
			n := min(1+r.IntN(30), len(b))
			f.Feed(b[:n], got)
			b = b[n:]
		}
		if !slices.Equal(got.events, want.events) {
			t.Fatalf("seed %d: events %v, want %v", seed, got.events, want.events)
		}
		for id, data := range want.data {
			if !bytes.Equal(got.data[id], data) {
				t.Fatalf("seed %d: stream %d has other bytes", seed, id)
			}
		}
	}
}

// What is no HTTP/2 does no harm, and the pieces do not matter.
func FuzzFrames(f *testing.F) {
	b, _ := script(rand.New(rand.NewPCG(1, 1)), 10)
	f.Add(b, uint8(3))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x01\x00\x09\x00\x00\x00\x01\xff"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		whole, pieces := &sunk{data: make(map[uint32][]byte)}, &sunk{data: make(map[uint32][]byte)}
		one, many := OfClient(), OfClient()
		one.Feed(b, whole)
		for rest := b; len(rest) > 0; {
			n := min(1+int(piece), len(rest))
			many.Feed(rest[:n], pieces)
			rest = rest[n:]
		}
		if !slices.Equal(whole.events, pieces.events) || one != many {
			t.Errorf("at once %v, in pieces %v", whole.events, pieces.events)
		}
	})
}
