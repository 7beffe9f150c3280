package driver

import (
	"fmt"
	"sync"
	"time"
)

// Config configures a driver. The zero value is valid.
type Config struct {
	// BlockingThreads bounds the jobs that run at once; each may hold an OS thread. Default 64.
	BlockingThreads int
}

func (c Config) withDefaults() Config {
	if c.BlockingThreads == 0 {
		c.BlockingThreads = 64
	}
	return c
}

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	if c.BlockingThreads < 0 {
		return fmt.Errorf("driver: BlockingThreads is %d, want 1 or more (0 for the default)", c.BlockingThreads)
	}
	return nil
}

// Driver is the I/O multiplexer. Make one with New.
type Driver struct {
	epoch  time.Time // carries the monotonic reading that uptimes count from
	timers timers
	pool   pool
	waits  waits

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
	d := &Driver{epoch: time.Now(), quit: make(chan struct{})}
	d.timers.init()
	d.pool.threads = cfg.BlockingThreads
	d.done.Go(d.sleep)
	return d
}

// Uptime is the driver's clock: the monotonic time since New, at the cost of one clock reading.
func (d *Driver) Uptime() time.Duration { return time.Since(d.epoch) }

// Time returns the time at which the clock read uptime.
func (d *Driver) Time(uptime time.Duration) time.Time { return d.epoch.Add(uptime) }

// Since returns what the clock reads at t.
func (d *Driver) Since(t time.Time) time.Duration { return t.Sub(d.epoch) }

// Close drops the timers that have not fired, ends the waits for sockets, runs the blocking jobs
// that were handed over, and returns once none of the driver's goroutines is left. Nothing may be
// started after it; a second Close waits as the first does.
func (d *Driver) Close() {
	d.closing.Do(func() { close(d.quit) })
	d.done.Wait()
	d.waits.close()
	d.pool.close()
}
