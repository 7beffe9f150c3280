package files

import (
	"testing"

	"github.com/reactord/reactord/hostcalls/vfs"
)

// TestTurns: turns come in the order in which they were queued, and a turn that is ended early, wherever in the queue,
// holds up no other.
func TestTurns(t *testing.T) {
	a := NewAppends()
	file, other := vfs.ID{Ino: 1}, vfs.ID{Ino: 2}
	woken := map[*Turn]int{}
	queue := func(id vfs.ID) *Turn {
		t := a.Queue(id)
		t.Notify(func() { woken[t]++ })
		return t
	}
	come := func(tt *Turn, want bool, wakes int) {
		t.Helper()
		if tt.Ready() != want || woken[tt] != wakes {
			t.Errorf("its turn: %v, woken %d times; want %v, %d", tt.Ready(), woken[tt], want, wakes)
		}
	}
	first, second, third, fourth, apart := queue(file), queue(file), queue(file), queue(file), queue(other)
	come(first, true, 1)
	come(second, false, 0)
	come(apart, true, 1)
	second.End() // before its turn
	come(third, false, 0)
	first.End()
	first.End() // once only
	come(third, true, 1)
	come(fourth, false, 0)
	stop := fourth.Notify(func() { t.Error("woken after stop") })
	stop()
	third.End()
	come(fourth, true, 0)
	fourth.End()
	apart.End()
	if n := a.Len(); n != 0 {
		t.Errorf("%d turns are left behind", n)
	}
}
