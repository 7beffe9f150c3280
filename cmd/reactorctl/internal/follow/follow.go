package follow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// DefaultPatience is how long a command waits for a daemon that is gone, unless it is told otherwise.
const DefaultPatience = time.Minute

// Follower makes calls to one daemon, again and again while it is gone.
type Follower struct {
	// Address names the daemon in messages.
	Address string
	// Patience is how long to wait for a daemon that is gone.
	Patience time.Duration
	// Say prints a message to the user; the call must not block for long.
	Say func(message string)

	mu     sync.Mutex
	met    bool      // the daemon has answered
	lostAt time.Time // when it was found to be gone; zero while it is there
	backAt time.Time // when it last answered
}

// GoneError says that the daemon did not come back in time.
type GoneError struct {
	Address  string
	Patience time.Duration
	Err      error // of the last call
}

func (e *GoneError) Error() string {
	if e.Patience <= 0 {
		return fmt.Sprintf("the daemon at %s is gone", e.Address)
	}
	return fmt.Sprintf("the daemon at %s is gone, and has not come back within %v", e.Address, e.Patience)
}

// permanent is an error after which a call is not made again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent wraps an error of a try, after which Do makes no other.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Do calls try until it returns nil, or an error that another try would not change, or until the daemon has been gone
// for too long; then it returns a GoneError. A daemon that has never answered is not waited for. A try that goes on
// after the daemon has answered calls Reached then.
func (f *Follower) Do(ctx context.Context, try func(context.Context) error) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		err := try(ctx)
		if p, ok := errors.AsType[permanent](err); ok {
			return p.error
		}
		switch kind := kindOf(err); {
		case err != nil && ctx.Err() != nil:
			return err
		case kind == gone:
			if err := f.lost(began, err); err != nil {
				return err
			}
		default:
			f.Reached("")
			if kind == final {
				return err
			}
		}
		if time.Since(began) > longestPause {
			tries = 0 // it went well for a while
		}
		if err := Sleep(ctx, pause(tries)); err != nil {
			return err
		}
	}
}

// Reached notes that the daemon has answered. After an outage it says so, and what there is to say about the workload.
func (f *Follower) Reached(about string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wasGone := !f.lostAt.IsZero()
	f.met, f.lostAt, f.backAt = true, time.Time{}, time.Now()
	if !wasGone {
		return
	}
	message := fmt.Sprintf("the daemon at %s is back", f.Address)
	if about != "" {
		message += "; " + about
	}
	f.Say(message)
}

// GiveUp ends the patience: from now on, calls to a daemon that is gone are not made again.
func (f *Follower) GiveUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Patience = 0
}

// IsGone reports whether the daemon is gone.
func (f *Follower) IsGone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.lostAt.IsZero()
}

// lost notes that a call that began at a time found no daemon. It returns an error if the call is not to be made again.
func (f *Follower) lost(began time.Time, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.met:
		return err
	case began.Before(f.backAt):
		return nil // the daemon has answered since, so this is no news
	case f.lostAt.IsZero():
		f.lostAt = time.Now()
		if f.Patience > 0 {
			f.Say(fmt.Sprintf("the daemon at %s is gone; waiting for it, %v at most", f.Address, f.Patience))
		}
	}
	if time.Since(f.lostAt) >= f.Patience {
		return &GoneError{Address: f.Address, Patience: f.Patience, Err: err}
	}
	return nil
}

// kind says what the error of a call means for the next one.
type kind int

const (
	final kind = iota // the daemon has answered
	gone              // no daemon has answered, or one that shuts down
	later             // the daemon asks to try again
)

// kindOf returns the kind of a call's error. A call that the daemon's end has cut off may fail as cancelled.
func kindOf(err error) kind {
	why, told := reason.Of(err)
	switch status.Code(err) {
	case codes.Canceled:
		return gone
	case codes.Unavailable:
		if !told || why == reactorv1.ErrorReason_ERROR_REASON_DRAINING {
			return gone
		}
		return later
	case codes.ResourceExhausted:
		if why == reactorv1.ErrorReason_ERROR_REASON_TOO_MUCH_IN_FLIGHT {
			return later
		}
	}
	return final
}

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = time.Second
)

// pause returns how long to wait after a number of failed tries.
func pause(tries int) time.Duration {
	return min(shortestPause<<min(tries, 10), longestPause)
}

// Sleep waits for d. It returns the cause if ctx ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
