package lookup

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Mounts finds the file system of a path without links, without asking the file system.
type Mounts interface {
	Device(path string) uint64
	// Stale returns true to one caller at a time, who should then call Read.
	Stale() bool
	Read()
}

// Lookups bounds lookups by file system.
type Lookups struct {
	files    Files
	mounts   Mounts
	patience time.Duration

	mu      sync.Mutex
	systems map[uint64]*system // by device, every one that was ever touched
}

// places is how many steps may wait for a file system. Steps that don't wait take microseconds, so more places
// would speed up nothing.
const places = 4

// system has the places of one file system.
type system struct {
	free  chan int          // the free places
	taken [places]time.Time // since when; zero if free; guarded by Lookups.mu
}

// New makes a Lookups that gives up a lookup after patience.
func New(files Files, mounts Mounts, patience time.Duration) *Lookups {
	return &Lookups{files: files, mounts: mounts, patience: patience, systems: map[uint64]*system{}}
}

// HangError reports that a file system does not answer.
type HangError struct{ Patience time.Duration }

func (e *HangError) Error() string {
	return fmt.Sprintf("its file system has not answered for %v", e.Patience)
}

// Do calls look with the files, on a goroutine of its own, and returns its results. If that takes longer than the
// patience, or a file system that it touches hangs already, the error is a *HangError. If ctx ends, it is the
// error of ctx. In both cases look may continue for a while, and gets errors from the files.
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
		v := &limitedFiles{lookups: l, ctx: limited}
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

// limitedFiles is the files of one lookup, whose steps take places.
type limitedFiles struct {
	lookups *Lookups
	ctx     context.Context
	refused error // why a step got no place
}

func (v *limitedFiles) Lstat(path string) (info fs.FileInfo, err error) {
	err = v.step(path, func(f Files) error { info, err = f.Lstat(path); return err })
	return info, err
}

func (v *limitedFiles) Readlink(path string) (target string, err error) {
	err = v.step(path, func(f Files) error { target, err = f.Readlink(path); return err })
	return target, err
}

// step calls do, which touches path, in a place of the path's file system.
func (v *limitedFiles) step(path string, do func(Files) error) error {
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
