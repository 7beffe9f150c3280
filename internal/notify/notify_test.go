package notify

import (
	"sync"
	"testing"
	"unsafe"
)

func TestSignal(t *testing.T) {
	s := NewSignal()
	for range 3 {
		s.Set()
	}
	<-s
	select {
	case <-s:
		t.Error("what was set three times before it was seen is seen twice")
	default:
	}
	s.Set()
	<-s
}

func TestBroadcast(t *testing.T) {
	var b Broadcast
	b.Tell() // nobody waits
	if b.Awaited() {
		t.Error("somebody waits for a new Broadcast")
	}
	first, second := b.Next(), b.Next()
	if !b.Awaited() {
		t.Error("nobody waits for what was asked for")
	}
	b.Tell()
	<-first
	<-second
	if b.Awaited() {
		t.Error("those who were told still wait")
	}
	select {
	case <-b.Next():
		t.Error("a change from before is told of")
	default:
	}
}

// TestBroadcastLosesNothing: who asks, looks and then waits sees every change.
func TestBroadcastLosesNothing(*testing.T) {
	var mu sync.Mutex
	var b Broadcast
	value, last := 0, 1000
	look := func() (int, <-chan struct{}) {
		mu.Lock()
		defer mu.Unlock()
		return value, b.Next()
	}
	var waiting sync.WaitGroup
	for range 4 {
		waiting.Go(func() {
			for v, changed := look(); v < last; v, changed = look() {
				<-changed
			}
		})
	}
	for range last {
		mu.Lock()
		value++
		b.Tell()
		mu.Unlock()
	}
	waiting.Wait()
}

// TestBroadcastIsSmall: a million workloads have one each.
func TestBroadcastIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Broadcast{}); n > unsafe.Sizeof(uintptr(0)) {
		t.Errorf("it takes %d bytes", n)
	}
}
