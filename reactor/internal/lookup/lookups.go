package lookup

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Mounts tells which file system a path without links is on, without asking the file system.
type Mounts interface {
	Device(path string) uint64
	// Stale tells one caller at a time that it should Read.
	Stale() bool
	Read()
}

// Lookups bounds lookups. Make one with New.
type Lookups struct {
	files    Files
	mounts   Mounts
	patience time.Duration

	mu      sync.Mutex
	systems map[uint64]*system // by device, each that was ever touched
}

// places is how many steps may wait for a file system. Steps that don't wait take microseconds, so more
// would let nothing through sooner.
const places = 4

// system is the places of a file system.
type system struct {
	free  chan int          // places
	taken [places]time.Time // when; guarded by Lookups.mu, zero if free
}

// New makes a Lookups that gives up on a lookup after patience.
func New(files Files, mounts Mounts, patience time.Duration) *Lookups {
	return &Lookups{files: files, mounts: mounts, patience: patience, systems: map[uint64]*system{}}
}

// HangError tells that a file system does not answer.
type HangError struct{ Patience time.Duration }

func (e *HangError) Error() string {
	return fmt.Sprintf("its file system has not answered for %v", e.Patience)
}

// Do calls look, which gets the files, on a goroutine of its own, and returns what it returns. If it takes
// longer than the patience, or a file system that it touches hangs already, the error is a *HangError. If
// ctx ends, it is that of ctx. In both cases look may go on for a while, and gets errors from the files.
func Do[T any](ctx context.Context, l *Lookups, look func(Files) T) (T, error) {
	type answer struct {
		result T
		err    error
	}
	hang := &HangError{l.patience}
	limited, cancel := context.WithTimeoutCause(ctx, l.patience, hang)
	defer cancel()
	answers := make(chan answer, 1)
	go func() {
		if l.mounts.Stale() {
			l.mounts.Read()
		}
		v := &visit{lookups: l, ctx: limited}
		result := look(v)
		answers <- answer{result, v.refused}
	}()
	select {
	case a := <-answers:
		return a.result, a.err
	case <-limited.Done():
		var none T
		return none, context.Cause(limited)
	}
}

// visit is the files as one lookup sees them.
type visit struct {
	lookups *Lookups
	ctx     context.Context
	refused error // why it got no place
}

func (v *visit) Lstat(path string) (info fs.FileInfo, err error) {
	err = v.step(path, func(f Files) error { info, err = f.Lstat(path); return err })
	return info, err
}

func (v *visit) Readlink(path string) (target string, err error) {
	err = v.step(path, func(f Files) error { target, err = f.Readlink(path); return err })
	return target, err
}

// step does what touches path, in a place of its file system.
func (v *visit) step(path string, do func(Files) error) error {
	if v.refused != nil {
		return v.refused
	}
	l := v.lookups
	s := l.system(l.mounts.Device(path))
	place, err := l.enter(v.ctx, s)
	if err != nil {
		v.refused = err
		return err
	}
	defer l.leave(s, place)
	return do(l.files)
}

func (l *Lookups) system(device uint64) *system {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.systems[device]
	if s == nil {
		s = &system{free: make(chan int, places)}
		for i := range places {
			s.free <- i
		}
		l.systems[device] = s
	}
	return s
}

// enter takes a place.
func (l *Lookups) enter(ctx context.Context, s *system) (place int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	select {
	case place = <-s.free:
	default:
		if l.hangs(s) {
			return 0, &HangError{l.patience}
		}
		select {
		case place = <-s.free:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.taken[place] = time.Now()
	return place, nil
}

func (l *Lookups) leave(s *system, place int) {
	l.mu.Lock()
	s.taken[place] = time.Time{}
	l.mu.Unlock()
	s.free <- place
}

// hangs reports whether all places have been taken for longer than the patience.
func (l *Lookups) hangs(s *system) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, since := range s.taken {
		if since.IsZero() || time.Since(since) < l.patience {
			return false
		}
	}
	return true
}
