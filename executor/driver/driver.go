package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Config configures a driver. The zero value is valid.
type Config struct {
	// BlockingThreads bounds the jobs that run at once; each may hold an OS thread. Default 64.
	BlockingThreads int
	// BlockingProcessors bounds those of them that use a processor, rather than wait. Default GOMAXPROCS-1, but 1
	// at least: a goroutine in a system call keeps its processor until the runtime notices, and if all do a timer
	// that expires finds none for up to 10 ms.
	BlockingProcessors int
	// Lookups bounds the lookups of names that run at once. Default 256.
	Lookups int
}

func (c Config) withDefaults() Config {
	if c.BlockingThreads == 0 {
		c.BlockingThreads = 64
	}
	if c.BlockingProcessors == 0 {
		c.BlockingProcessors = max(1, runtime.GOMAXPROCS(0)-1)
	}
	c.BlockingProcessors = min(c.BlockingProcessors, c.BlockingThreads)
	if c.Lookups == 0 {
		c.Lookups = 256
	}
	return c
}

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	var faults []error
	for _, f := range []struct {
		name  string
		value int
	}{
		{"BlockingThreads", c.BlockingThreads},
		{"BlockingProcessors", c.BlockingProcessors},
		{"Lookups", c.Lookups},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("driver: %s is %d, want 1 or more (0 for the default)", f.name, f.value))
		}
	}
	return errors.Join(faults...)
}

// Driver is the I/O multiplexer. Make one with New.
type Driver struct {
	epoch    time.Time // carries the monotonic reading that uptimes count from
	timers   timers
	blocking *pool
	lookups  *pool
	waits    waits

	closing sync.Once
	quit    chan struct{}  // closed to end the timer goroutine
	done    sync.WaitGroup // the timer goroutine
}

// New starts a driver. It panics if the configuration is not valid.
func New(cfg Config) *Driver {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	d := &Driver{
		epoch:    time.Now(),
		blocking: newPool(cfg.BlockingThreads, cfg.BlockingProcessors, true),
		lookups:  newPool(cfg.Lookups, cfg.Lookups, false),
		quit:     make(chan struct{}),
	}
	d.timers.init()
	d.done.Go(d.sleep)
	return d
}

// Uptime is the driver's clock: the monotonic time since New, at the cost of one clock reading.
func (d *Driver) Uptime() time.Duration { return time.Since(d.epoch) }

// Time returns the time at which the clock read uptime.
func (d *Driver) Time(uptime time.Duration) time.Time { return d.epoch.Add(uptime) }

// Since returns what the clock reads at t.
func (d *Driver) Since(t time.Time) time.Duration { return t.Sub(d.epoch) }

// Go runs a job that may block on the blocking pool. It never blocks itself: what exceeds the bounds waits
// in a queue that is as long as it gets, so what bounds the jobs there are is the number of those who
// wait for them.
func (d *Driver) Go(j Job) { d.blocking.add(j) }

// GoLookup runs a job that waits for the network and holds no thread meanwhile, as a lookup of a name does
// by Go's own resolver. It is Go otherwise, with bounds of its own.
func (d *Driver) GoLookup(j Job) { d.lookups.add(j) }

// Close drops the timers that have not fired, ends the waits for sockets, runs the jobs that were handed
// over, and returns once none of the driver's goroutines is left. Nothing may be started after it; a
// second Close waits as the first does. When ctx ends, it leaves the jobs that have not ended and returns
// a *HungError that tells them.
func (d *Driver) Close(ctx context.Context) error {
	d.closing.Do(func() { close(d.quit) })
	d.done.Wait()
	d.waits.close()
	return errors.Join(d.lookups.close(ctx), d.blocking.close(ctx))
}
