package pipes

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a table, and what the attempts have that have joined.
type world struct {
	table
	uses map[string]*use // of the latest attempt, by pair and side
}

func newWorld() *world { return &world{newTable(), map[string]*use{}} }

func key(p Pair, s Side) string { return fmt.Sprint(p, s) }

func (w *world) join(p Pair, s Side) *link {
	u := new(use)
	w.uses[key(p, s)] = u
	return w.table.join(p, s, u)
}

// outlook is what the guests of a link get now.
func outlook(l *link) string {
	_, read := l.data.Reader().Read(make([]byte, 1))
	_, write := l.data.Writer().Write(nil)
	n, _ := l.data.Writer().Level()
	return fmt.Sprintf("read %s, write %s, room %t", name(read), name(write), n > 0)
}

func name(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, hostcalls.ErrWouldBlock):
		return "waits"
	case errors.Is(err, io.EOF):
		return "end"
	case errors.Is(err, io.ErrClosedPipe):
		return "closed"
	case errors.Is(err, hostcalls.ErrBrokenPipe):
		return "broken"
	}
	return err.Error()
}

func TestTransitions(t *testing.T) {
	ab := Pair{"t", "a", "b"}
	other := Pair{"t", "c", "b"}
	for _, tt := range []struct {
		name string
		do   func(w *world)
		want string
	}{
		{"the writer alone", func(w *world) { w.join(ab, From) }, "read waits, write ok, room false"},
		{"the reader alone", func(w *world) { w.join(ab, To) }, "read waits, write ok, room true"},
		{"both", func(w *world) { w.join(ab, From); w.join(ab, To) }, "read waits, write ok, room true"},
		{"the writer exits", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "a", Exited) }, "read end, write closed, room true"},
		{"the writer exits before the reader comes", func(w *world) { w.join(ab, From); w.end("t", "a", Exited); w.join(ab, To) }, "read end, write closed, room true"},
		{"the writer fails", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "a", Failed) }, "read workload a did not end by itself, write closed, room true"},
		{"the reader exits", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "b", Exited) }, "read closed, write broken, room true"},
		{"the reader fails", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "b", Failed) }, "read closed, write broken, room true"},
		{"the reader ends before it has joined", func(w *world) { w.join(ab, From); w.end("t", "b", Failed) }, "read closed, write broken, room false"},
		{"one of another tenant ends", func(w *world) { w.join(ab, From); w.end("u", "b", Failed) }, "read waits, write ok, room false"},
		{"the writer is stopped unused", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "a", Again) }, "read waits, write ok, room true"},
		{"the writer is stopped", func(w *world) {
			w.join(ab, From)
			w.join(ab, To)
			w.uses[key(ab, From)].bytes.Add(1)
			w.end("t", "a", Again)
		}, "read workload a was sent back to the queue, for the node's memory, after it had used the pipe, write closed, room true"},
		{"the reader is stopped", func(w *world) {
			w.join(ab, From)
			w.join(ab, To)
			w.uses[key(ab, To)].closed.Store(true)
			w.end("t", "b", Again)
		}, "read closed, write broken, room true"},
		{"the next attempt is stopped unused", func(w *world) {
			w.join(ab, To)
			w.join(ab, From)
			w.end("t", "a", Again)
			w.join(ab, From)
		}, "read waits, write ok, room true"},
		{"the reader has another partner", func(w *world) { w.join(ab, From); w.join(other, To) }, "read closed, write broken, room false"},
		{"what has left stays so", func(w *world) { w.join(ab, From); w.join(ab, To); w.end("t", "b", Exited); w.join(ab, To) }, "read closed, write broken, room true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.do(w)
			l := w.links[ab]
			if l == nil {
				t.Fatal("the pair is forgotten")
			}
			if got := outlook(l); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// step is one of the things that can happen in a world of two tenants and three workloads.
type step byte

const workloads = 3

func (s step) tenant() string { return string('t' + rune(s&1)) }
func (s step) who() int       { return int(s>>1) % workloads }
func (s step) peer() int      { return (s.who() + 1 + int(s>>3)%(workloads-1)) % workloads }
func id(i int) string         { return string('a' + rune(i)) }

// take does what a step says, and returns what is to be seen of it.
func (w *world) take(s step) {
	tenant, who, peer := s.tenant(), id(s.who()), id(s.peer())
	switch s >> 4 % 8 {
	case 0, 1:
		w.join(Pair{tenant, who, peer}, From)
	case 2, 3:
		w.join(Pair{tenant, peer, who}, To)
	case 4:
		w.end(tenant, who, Again)
	case 5:
		w.end(tenant, who, End(s>>7)) // Exited or Failed
	case 6:
		if u := w.uses[key(Pair{tenant, who, peer}, From)]; u != nil {
			u.bytes.Add(1)
		}
	case 7:
		if l := w.links[Pair{tenant, peer, who}]; l != nil {
			w.leave(l, From, false, "never came")
		}
	}
}

// states describes the links of a tenant.
func (w *world) states(tenant string) (lines []string) {
	for p, l := range w.links {
		if p.Tenant == tenant {
			lines = append(lines, fmt.Sprint(p, l.sides, l.why, outlook(l)))
		}
	}
	slices.Sort(lines)
	return lines
}

// check checks what holds of every table.
func (w *world) check(t *testing.T) {
	t.Helper()
	indexed := 0
	for id, links := range w.named {
		if len(links) == 0 {
			t.Errorf("%s is kept without pairs", id)
		}
		for _, l := range links {
			indexed++
			if w.links[l.pair] != l {
				t.Errorf("%v is forgotten, and still found by %s", l.pair, id)
			}
		}
	}
	if indexed != 2*len(w.links) {
		t.Errorf("%d entries for %d pairs", indexed, len(w.links))
	}
	for p, l := range w.links {
		if l.sides == [2]state{left, left} {
			t.Errorf("%v: both have left, and it is kept", p)
		}
		if l.sides == [2]state{joined, joined} && outlook(l) != "read waits, write ok, room true" {
			t.Errorf("%v: both have joined: %s", p, outlook(l))
		}
	}
}

// Whatever happens, the table is consistent, what has left stays so, the tenants do not affect each other, and when all
// workloads have ended nothing is kept.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0x00, 0x22, 0x60, 0x40, 0x50, 0x51, 0x01, 0x23})
	f.Add([]byte{0x08, 0x2a, 0x6c, 0xd1, 0xd2, 0x70, 0x11, 0x33, 0x4a})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 100 {
			t.Skip("a shorter one finds as much")
		}
		both, alone := newWorld(), newWorld()
		gone := map[*link][2]state{}
		for _, b := range steps {
			s := step(b)
			both.take(s)
			if s.tenant() == "t" {
				alone.take(s)
			}
			both.check(t)
			for l, before := range gone {
				for side, state := range before {
					if state == left && l.sides[side] != left {
						t.Errorf("%v: side %d has come back", l.pair, side)
					}
				}
			}
			for _, l := range both.links {
				gone[l] = l.sides
			}
			if diff := cmp.Diff(alone.states("t"), both.states("t")); diff != "" {
				t.Fatalf("another tenant makes a difference (-without +with):\n%s", diff)
			}
		}
		for i := range 2 * workloads {
			both.end(step(i%2).tenant(), id(i/2), Exited)
		}
		if len(both.links) > 0 || len(both.named) > 0 {
			t.Errorf("all have ended, and %v are left", both.links)
		}
	})
}
