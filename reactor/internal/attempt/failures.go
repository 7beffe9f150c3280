package attempt

import (
	"sync"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/internal/access"
)

// NetworkFailure is something that a guest wanted to open and did not get, for want of a grant or for another reason.
type NetworkFailure struct {
	Kind   hostcalls.OpKind
	Target string // empty: many others, which are counted together
	Err    error  // of the last time
	Times  uint64 // so far in this attempt
}

// maxFailures bounds the targets that are counted one by one.
const maxFailures = 16

// failures counts what a guest did not get. The zero value is ready to use. Requests of HTTP fail on goroutines of their own, and
// the instances of a service on their fibers.
type failures struct {
	mu     sync.Mutex
	counts map[failure]uint64
	ended  bool // no more are told
}

type failure struct {
	kind   hostcalls.OpKind
	target string
}

// count counts a failure, and tells it if it is the first of its kind and target, the tenth, the hundredth and so on. tell is
// called for one after the other, and not after end. It must not block.
func (f *failures) count(kind hostcalls.OpKind, target string, err error, tell func(NetworkFailure)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	key := failure{kind, target}
	if _, known := f.counts[key]; !known && len(f.counts) >= maxFailures {
		key = failure{}
	}
	if f.counts == nil {
		f.counts = map[failure]uint64{}
	}
	f.counts[key]++
	if n := f.counts[key]; isPowerOfTen(n) {
		tell(NetworkFailure{Kind: key.kind, Target: key.target, Err: err, Times: n})
	}
}

// end returns when no more failures are told.
func (f *failures) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

func isPowerOfTen(n uint64) bool {
	for n > 0 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// onFailure is called on a fiber of the guest, or on any goroutine for a request of HTTP.
func (a *Attempt) onFailure(kind hostcalls.OpKind, target string, err error) {
	a.failures.count(kind, target, err, a.owner.OnNetworkFailure)
}

// OnFailure implements network.Witness.
func (u *ungranted) OnFailure(kind hostcalls.OpKind, target string, err error) {
	(*Attempt)(u).onFailure(kind, target, err)
}

// witnessed is the network.Access of a guest with grants.
type witnessed struct {
	*access.Access
	attempt *Attempt
}

// OnFailure implements network.Witness.
func (w *witnessed) OnFailure(kind hostcalls.OpKind, target string, err error) {
	w.attempt.onFailure(kind, target, err)
}
