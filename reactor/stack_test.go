//go:build !race

package reactor

import (
	"runtime"
	"testing"

	"github.com/reactord/reactord/reactor/api"
)

// TestStackOfWaitingGuests: a guest waits on a stack of 8 KiB. If its start or its calls need more, the stack doubles, and
// stays so for as long as the guest waits. With the race detector every frame is larger.
func TestStackOfWaitingGuests(t *testing.T) {
	const guests, most = 500, 10 << 10 // with what other goroutines add
	r := open(t)
	push(t, r, "sleep")
	before := stackBytes()
	submitMany(t, r, "w", guests, api.Spec{Module: "sleep"})
	awaitStats(t, r, "all wait", func(s api.Stats) bool { return s.Waiting == guests })
	if each := (max(stackBytes(), before) - before) / guests; each > most {
		t.Errorf("the stack of a waiting guest takes %d bytes, more than %d", each, most)
	}
}

// stackBytes is what the stacks of all goroutines take.
func stackBytes() uint64 {
	runtime.GC() // or unused stacks count, too
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}
