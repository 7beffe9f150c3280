package wasi

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFlight: so many pieces are under way, and whoever found no room is told when there may be some.
func TestFlight(t *testing.T) {
	var f flight
	told := 0
	room := func() { told++ }
	for range maxFlight {
		if !f.take(room) {
			t.Fatal("there is no room")
		}
	}
	for range 2 {
		if f.take(room) || told != 0 {
			t.Error("there is room for more")
		}
	}
	if f.giveBack(); told != 2 {
		t.Errorf("%d are told, want both that wait", told)
	}
	if f.giveBack(); told != 2 || !f.take(room) || !f.take(room) || f.take(room) {
		t.Errorf("there is not as much room as was given back; %d were told", told)
	}
}

// TestPieceEnds: a piece gives its buffer back once, whether it is over before or after nobody wants it, or has failed.
func TestPieceEnds(t *testing.T) {
	fault := errors.New("fault")
	for _, tt := range []struct {
		name string
		do   func(p *Piece, end func(error))
		kept bool
		err  error
	}{
		{"over", func(_ *Piece, end func(error)) { end(nil) }, true, nil},
		{"over, then dropped", func(p *Piece, end func(error)) { end(nil); p.Drop() }, false, nil},
		{"dropped, then over", func(p *Piece, end func(error)) { p.Drop(); end(nil) }, false, nil},
		{"failed", func(_ *Piece, end func(error)) { end(fault) }, false, fault},
		{"failed, then dropped", func(p *Piece, end func(error)) { end(fault); p.Drop() }, false, fault},
		{"dropped, then failed", func(p *Piece, end func(error)) { p.Drop(); end(fault) }, false, fault},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &Piece{buf: files.Borrow(10), got: 4}
			if over, _ := p.Over(); over {
				t.Error("it is over")
			}
			told := 0
			tt.do(p, func(err error) { p.end(err, func(error) { told++ }) })
			over, err := p.Over()
			if !over || !errors.Is(err, tt.err) || told != 1 {
				t.Errorf("over %t, %v, told %d times", over, err, told)
			}
			if kept := p.buf.Bytes != nil; kept != tt.kept || kept && len(p.Bytes()) != 4 {
				t.Errorf("it keeps its buffer: %t", kept)
			}
		})
	}
}
