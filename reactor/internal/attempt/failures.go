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

// failures counts what a guest did not get. The zero value is ready to use. A service counts on the fibers of all its instances.
type failures struct {
	mu     sync.Mutex
	counts map[failure]uint64
}

type failure struct {
	kind   hostcalls.OpKind
	target string
}

// count counts a failure, and reports whether it is to be told: the first of its kind and target, the tenth, the hundredth
// and so on.
func (f *failures) count(kind hostcalls.OpKind, target string, err error) (n NetworkFailure, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := failure{kind, target}
	if _, known := f.counts[key]; !known && len(f.counts) >= maxFailures {
		key = failure{}
	}
	if f.counts == nil {
		f.counts = map[failure]uint64{}
	}
	f.counts[key]++
	n = NetworkFailure{Kind: key.kind, Target: key.target, Err: err, Times: f.counts[key]}
	return n, isPowerOfTen(n.Times)
}

func isPowerOfTen(n uint64) bool {
	for n > 0 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// onFailure is called on a fiber of the guest.
func (a *Attempt) onFailure(kind hostcalls.OpKind, target string, err error) {
	if n, tell := a.failures.count(kind, target, err); tell {
		a.owner.OnNetworkFailure(n)
	}
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
