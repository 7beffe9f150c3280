package hostcalls

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// TestWaitStart: a wait goes on over polls until it has ended or the descriptor was used in vain no more.
func TestWaitStart(t *testing.T) {
	begin := time.Unix(1_000_000_000, 5)
	blocked := fmt.Errorf("read: %w", ErrWouldBlock)
	type step func(w *WaitStart)
	use := func(err error) step { return func(w *WaitStart) { w.Use(err) } }
	for _, tt := range []struct {
		name    string
		between step
		goesOn  bool
	}{
		{"nothing", func(*WaitStart) {}, true},
		{"nothing to read", use(blocked), true},
		{"a read", use(nil), false},
		{"the end", use(io.EOF), false},
		{"an error", use(errors.New("reset")), false},
		{"ready", (*WaitStart).End, false},
		{"used, then nothing to read", func(w *WaitStart) { w.Use(nil); w.Use(blocked) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w WaitStart
			if got := w.Poll(begin); !got.Equal(begin) {
				t.Errorf("the first wait began at %v, want %v", got, begin)
			}
			tt.between(&w)
			later := begin.Add(time.Minute)
			want := later
			if tt.goesOn {
				want = begin
			}
			for range 2 {
				if got := w.Poll(later); !got.Equal(want) {
					t.Errorf("the second wait began at %v, want %v", got, want)
				}
				later = later.Add(time.Minute)
			}
		})
	}
}
