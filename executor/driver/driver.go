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
	// BlockingProcessors bounds the jobs that use a processor rather than wait. Default GOMAXPROCS-1, at
	// least 1: a goroutine in a system call keeps its processor until the runtime notices, and if all
	// processors are kept, an expired timer waits up to 10 ms for one.
	BlockingProcessors int
	// Lookups bounds the lookups of names that run at once. Default 256.
	Lookups int
	// SystemTimer makes the system keep the alarm for timers, where it can (on Linux), instead of Go, which may be late by
	// tens of milliseconds. It must be false in virtual time.
	SystemTimer bool
	// OnEvents, unless nil, is called from the driver's goroutine when registered descriptors have events. It must not
	// block. Poll is to be called then, until it returns false. If OnEvents is nil, the driver calls Poll itself.
	OnEvents func()
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

// Validate returns an error that lists all faults of the configuration.
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
	epoch    time.Time // uptime zero, with a monotonic reading
	timers   timers
	blocking *pool
	lookups  *pool
	sources  sources
	onEvents func()

	closing sync.Once
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
		onEvents: cfg.OnEvents,
	}
	if cfg.SystemTimer {
		d.timers.init(newAlarm())
	} else {
		d.timers.init(newGoAlarm())
	}
	d.done.Go(d.sleep)
	return d
}

// Uptime returns the driver's clock: the monotonic time since New. It reads the clock once.
func (d *Driver) Uptime() time.Duration { return time.Since(d.epoch) }

// Time converts an uptime to a time.
func (d *Driver) Time(uptime time.Duration) time.Time { return d.epoch.Add(uptime) }

// Since converts a time to an uptime.
func (d *Driver) Since(t time.Time) time.Duration { return t.Sub(d.epoch) }

// Go runs a job that may block on the blocking pool. Go itself never blocks: jobs beyond the bounds
// wait in an unbounded queue, so the callers bound the number of jobs, by waiting for them.
func (d *Driver) Go(j Job) { d.blocking.add(j) }

// GoLookup is Go, with a bound of its own, for jobs that hold no thread while they wait for the
// network, such as a lookup of a name by Go's own resolver.
func (d *Driver) GoLookup(j Job) { d.lookups.add(j) }

// Close drops the timers that have not fired, drops the waits for sockets, runs the queued jobs, and
// returns once all goroutines of the driver have ended. Nothing may be started after it. A second Close
// waits as the first does. When ctx ends, Close abandons the jobs that have not ended and returns a
// *HungError that lists them.
func (d *Driver) Close(ctx context.Context) error {
	d.closing.Do(func() {
		d.timers.alarm.stop()
		d.done.Wait()
		d.timers.alarm.close()
	})
	d.sources.close()
	return errors.Join(d.lookups.close(ctx), d.blocking.close(ctx))
}
