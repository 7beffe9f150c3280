package lease

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/reactord/reactord/hostcalls/network"
)

func TestRevoke(t *testing.T) {
	l := New("--dial=a.example:443")
	told := 0
	tell := func() { told++ }
	l.OnRevoke(tell)
	l.OnRevoke(tell) // the same function twice is two callbacks
	stop := l.OnRevoke(func() { t.Error("told after stop") })
	stop()
	if l.Revoked() || l.Err() != nil || told != 0 {
		t.Fatalf("revoked %t, error %v, told %d before it is revoked", l.Revoked(), l.Err(), told)
	}
	l.Revoke()
	if !l.Revoked() || l.Err() != network.ErrRevoked || told != 2 {
		t.Errorf("revoked %t, error %v, told %d", l.Revoked(), l.Err(), told)
	}
	l.Revoke()
	if told != 2 {
		t.Errorf("told %d by a second revocation", told)
	}
	l.OnRevoke(tell)()
	if told != 3 {
		t.Error("what comes after the revocation is not told")
	}
	if l.String() != "--dial=a.example:443" {
		t.Errorf("it is %q", l)
	}
}

// Callbacks are stopped in any order, more than once, and while others are added.
func TestStop(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := New("grant")
		var told, want [20]int
		var stops []func()
		for i := range told {
			stops = append(stops, l.OnRevoke(func() { told[i]++ }))
			want[i] = 1
			if victim := random.IntN(len(told)); victim <= i {
				stops[victim]()
				want[victim] = 0
			}
		}
		l.Revoke()
		for _, stop := range stops {
			stop()
		}
		if told != want {
			t.Fatalf("seed %d: told %v, want %v", seed, told, want)
		}
	}
}

// A callback may use the lease, and see that it is revoked.
func TestCallbackUsesLease(t *testing.T) {
	l := New("grant")
	stopped := l.OnRevoke(func() {})
	l.OnRevoke(func() {
		stopped()
		if l.Err() == nil {
			t.Error("the lease is not revoked yet")
		}
		l.Closed()
	})
	l.Opened()
	l.Revoke()
	if l.Open() != 0 {
		t.Errorf("%d are open", l.Open())
	}
}

func TestNoLease(t *testing.T) {
	var l *Lease
	l.Opened()
	l.Closed()
	l.OnRevoke(func() { t.Error("told") })()
	if l.Revoked() || l.Err() != nil || l.String() != "" {
		t.Error("there is something to revoke")
	}
}

// Whoever registers while the lease is revoked is told once.
func TestRegisterWhileRevoked(t *testing.T) {
	for range 200 {
		l := New("grant")
		var told atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { l.OnRevoke(func() { told.Add(1) }) })
		}
		group.Go(l.Revoke)
		group.Go(l.Revoke)
		group.Wait()
		if told.Load() != 4 {
			t.Fatalf("%d of 4 were told", told.Load())
		}
	}
}

// What is open counts for its grant until it gives the grant up, once, and is told of a revocation until then.
func TestHold(t *testing.T) {
	var none Hold
	none.Take(nil, func() { t.Error("told without a grant") })
	if none.Lease().Revoked() {
		t.Error("no grant is revoked")
	}
	none.GiveUp()

	l := New("--dir=/data")
	told := 0
	var first, second, third Hold
	first.Take(l, func() { told++ })
	second.Take(l, func() { t.Error("told after it was given up") })
	third.Take(l, nil)
	if n := l.Open(); n != 3 || first.Lease() != l {
		t.Errorf("%d are open by %v", n, first.Lease())
	}
	second.GiveUp()
	second.GiveUp()
	l.Revoke()
	if n := l.Open(); n != 2 || told != 1 || !third.Lease().Revoked() {
		t.Errorf("%d are open, told %d times", n, told)
	}
	first.GiveUp()
	third.GiveUp()
	if n := l.Open(); n != 0 || first.Lease() != nil {
		t.Errorf("%d are open by %v", n, first.Lease())
	}
}
