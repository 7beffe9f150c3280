package link

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

var errBroken = errors.New("broken")

// kinds are the types of streams and futures in tests.
var kinds = func() (k struct{ bytes, texts, nested, future *types.Type }) {
	t := types.NewTable()
	must := func(made *types.Type, err error) *types.Type {
		if err != nil {
			panic(err)
		}
		return made
	}
	k.bytes = must(t.Stream(t.Prim(types.U8)))
	k.texts = must(t.Stream(t.Prim(types.String)))
	k.nested = must(t.Stream(k.bytes))
	k.future = must(t.Future(t.Prim(types.U32)))
	return k
}()

// pair is a Stream whose two sides count how often they are woken.
type pair struct {
	*Stream
	buffers        Buffers
	reader, writer int
}

func newPair(t *types.Type) *pair {
	p := &pair{}
	p.Stream = NewStream(t, &p.buffers)
	p.Reads(func() { p.reader++ })
	p.Writes(func() { p.writer++ })
	return p
}

// TestRing: a ring is a queue of bytes with a bound, whatever the pieces. It gives its memory up when it is empty.
func TestRing(t *testing.T) {
	var buffers Buffers
	r := ring{from: &buffers}
	rnd := rand.New(rand.NewPCG(1, 2))
	var model []byte
	for range 20_000 {
		piece := make([]byte, rnd.IntN(1<<rnd.IntN(18)+1))
		if rnd.IntN(2) == 0 {
			for i := range piece {
				piece[i] = byte(rnd.Uint32())
			}
			size := r.sizeFor(min(len(piece), r.room()))
			n := r.write(piece)
			if want := min(len(piece), windowBytes-len(model)); n != want {
				t.Fatalf("%d bytes were written, want %d", n, want)
			}
			if len(r.memory) > size {
				t.Fatalf("it takes %d bytes of memory, after it was to be %d", len(r.memory), size)
			}
			model = append(model, piece[:n]...)
		} else {
			n := r.read(piece)
			if want := min(len(piece), len(model)); n != want || !bytes.Equal(piece[:n], model[:n]) {
				t.Fatalf("%d bytes were read, want %d, or they are others", n, want)
			}
			model = model[n:]
		}
		if r.n != len(model) || r.n == 0 && len(r.memory) > smallBuffer || len(r.memory) > windowBytes {
			t.Fatalf("it has %d bytes in %d, want %d", r.n, len(r.memory), len(model))
		}
	}
}

// TestWakes: each side is woken when it waits, and not before that is of use.
func TestWakes(t *testing.T) {
	p := newPair(kinds.bytes)
	want := func(what string, reader, writer int) {
		t.Helper()
		if p.reader != reader || p.writer != writer {
			t.Errorf("%s: the reader was woken %d times, the writer %d, want %d and %d", what, p.reader, p.writer, reader, writer)
		}
		p.reader, p.writer = 0, 0
	}
	p.Write(make([]byte, 10))
	want("the reader does not wait", 0, 0)
	p.Read(make([]byte, 10))
	if p.Ready() {
		t.Error("it is ready without anything to read")
	}
	p.Write(make([]byte, windowBytes-10))
	want("the reader waits", 1, 0)
	p.Write(make([]byte, 100))
	if p.Room() != 0 {
		t.Error("it has room beyond its window")
	}
	p.Read(make([]byte, 100))
	want("little was read", 0, 0)
	p.Read(make([]byte, windowBytes/2))
	want("half was read", 0, 1)
	p.Read(make([]byte, windowBytes))
	want("all was read, and nobody waits", 0, 0)
	p.End(nil)
	want("the writer has ended", 1, 0)
	p.End(errBroken)
	if over, err := p.Over(); !over || err != nil {
		t.Errorf("%t, %v: all was read before", over, err)
	}
	want("it has ended twice", 0, 0)
}

// TestItems: items have a bound in number and size, which the last one may pass.
func TestItems(t *testing.T) {
	p := newPair(kinds.texts)
	for n := p.Room(); n > 0; n = p.Room() {
		p.Put(Item{Value: value.String("x")})
	}
	items := p.Take(windowItems)
	if len(items) == 0 || len(items) > windowItems || p.Held() != 0 || p.writer != 1 {
		t.Errorf("%d items, %d bytes are held, the writer was woken %d times", len(items), p.Held(), p.writer)
	}
	p.Put(Item{Value: value.String("y")})
	large := Item{Value: value.Value{Bytes: make([]byte, 1<<20)}}
	p.Put(large)
	if p.Room() != 0 || p.Held() <= large.Bytes() {
		t.Errorf("there is room for %d, %d bytes are held", p.Room(), p.Held())
	}
	if items := p.Take(1); len(items) != 1 || string(items[0].Value.Bytes) != "y" {
		t.Errorf("%v", items)
	}
	if items := p.Take(10); len(items) != 1 || len(items[0].Value.Bytes) != 1<<20 {
		t.Errorf("%d items", len(items))
	}
}

// TestEnds: what each side sees of the other's end, and whose memory it is.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		of      *types.Type
		do      func(p *pair)
		over    bool
		err     error
		left    int // bytes
		adopted bool
		gone    bool
	}{
		{"end", kinds.bytes, func(p *pair) { p.End(nil) }, true, nil, 0, false, false},
		{"end before all was read", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil) }, false, nil, 1, true, false},
		{"failure", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(errBroken) }, true, errBroken, 0, false, false},
		{"failure after the end", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.End(errBroken) }, true, errBroken, 0, false, false},
		{"failure of what is adopted", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Adopt(); p.End(errBroken) }, false, nil, 1, true, false},
		{"the writer leaves", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.Leave(errBroken) }, true, errBroken, 0, false, false},
		{"the writer leaves after the end", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Leave(errBroken) }, false, nil, 1, true, false},
		{"the reader has no room", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Refuse() }, false, nil, 1, true, false},
		{"the reader has no room, and the writer leaves", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Refuse(); p.Leave(errBroken) }, true, errBroken, 0, false, false},
		{"the writer leaves, and the reader has no room", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Leave(errBroken); p.Refuse() }, true, errNoRoom, 0, false, false},
		{"the writer leaves before the reader is there", kinds.bytes, func(p *pair) { p.onWrite = nil; p.Write([]byte("a")); p.End(nil); p.Leave(errBroken) }, true, errBroken, 0, false, false},
		{"future", kinds.future, func(p *pair) { p.Put(Item{}); p.End(nil) }, false, nil, 1, true, false},
		{"future without a value", kinds.future, func(p *pair) { p.End(nil) }, true, errNoValue, 0, false, false},
		{"drop", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.Drop(nil) }, false, nil, 0, false, true},
		{"drop after the end", kinds.bytes, func(p *pair) { p.Write([]byte("a")); p.End(nil); p.Drop(nil) }, true, nil, 0, false, true},
		{"write after the drop", kinds.bytes, func(p *pair) { p.Drop(nil); p.Write([]byte("a")) }, false, nil, 0, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(tt.of)
			tt.do(p)
			if over, err := p.Over(); over != tt.over || !errors.Is(err, tt.err) {
				t.Errorf("over: %t, %v, want %t, %v", over, err, tt.over, tt.err)
			}
			if gone, _ := p.Gone(); gone != tt.gone {
				t.Errorf("the reader has gone: %t", gone)
			}
			if left, _ := p.Left(); (left > 0) != (tt.left > 0) {
				t.Errorf("%d bytes are left", left)
			}
			if p.Adopt() != tt.adopted || p.Held() != 0 {
				t.Errorf("it is adopted: %t, and %d bytes are the writer's", !tt.adopted, p.Held())
			}
			if n := p.Read(make([]byte, 10)); tt.of.OfBytes() && n != tt.left {
				t.Errorf("%d bytes are there, want %d", n, tt.left)
			}
		})
	}
}

// TestDiscard: the writers of streams that nobody gets are told, also of those in items, and in items of those.
func TestDiscard(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *Stream)
	}{
		{"discarded", func(s *Stream) { (&Parcel{Streams: []*Stream{nil, s}}).Discard() }},
		{"dropped", func(s *Stream) { s.Drop(nil) }},
		{"ended", func(s *Stream) { s.End(errBroken) }},
		{"written when nobody reads", func(s *Stream) {
			outer := newPair(kinds.nested)
			outer.Drop(nil)
			outer.Put(Item{Streams: []*Stream{s}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			middle, inner := newPair(kinds.nested), newPair(kinds.bytes)
			outer := newPair(kinds.nested)
			middle.Put(Item{Streams: []*Stream{inner.Stream}})
			outer.Put(Item{Streams: []*Stream{middle.Stream}})
			tt.do(outer.Stream)
			for _, p := range []*pair{middle, inner} {
				if gone, why := p.Gone(); !gone || why != nil || p.writer != 1 || p.Held() != 0 {
					t.Errorf("gone: %t, %v, the writer was woken %d times", gone, why, p.writer)
				}
			}
		})
	}
}
