package network

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// TrafficLimits bound what a workload sends and receives. Fields that are zero do not.
type TrafficLimits struct {
	Sent           uint64 // bytes in all
	Received       uint64
	BytesPerSecond uint64 // in each direction
}

// Traffic counts the bytes that a workload sends and receives over its sockets, and bounds them. Its methods may be
// called from any goroutine.
type Traffic struct {
	driver *driver.Driver
	flows  [2]flow // by Direction
}

// NewTraffic makes the Traffic of a workload. d wakes those that a rate makes wait; it may be nil if there is none.
func NewTraffic(d *driver.Driver, limits TrafficLimits) *Traffic {
	t := &Traffic{driver: d}
	t.flows[In].limit, t.flows[Out].limit = limits.Received, limits.Sent
	if limits.BytesPerSecond > 0 {
		now := time.Now()
		t.flows[In].rate, t.flows[Out].rate = newBucket(limits.BytesPerSecond, now), newBucket(limits.BytesPerSecond, now)
	}
	return t
}

// CountPast counts bytes that the workload sent and received before, in another process. The rate is that of now.
func (t *Traffic) CountPast(sent, received uint64) {
	t.flows[Out].total.Add(sent)
	t.flows[In].total.Add(received)
}

// Sent returns the number of bytes sent.
func (t *Traffic) Sent() uint64 { return t.flows[Out].total.Load() }

// Received returns the number of bytes received.
func (t *Traffic) Received() uint64 { return t.flows[In].total.Load() }

// HasRate reports whether it bounds the bytes per second: then those that pass slowly may do so because of it. A nil Traffic does not.
func (t *Traffic) HasRate() bool { return t != nil && t.flows[In].rate != nil }

// flow is the traffic in one direction.
type flow struct {
	total atomic.Uint64
	limit uint64        // of total; 0 is none
	rate  *lockedBucket // nil is unbounded
}

// spent reports whether the limit has been reached.
func (f *flow) spent() bool { return f.limit > 0 && f.total.Load() >= f.limit }

// admit returns how many of want bytes may pass now: hostcalls.ErrWouldBlock says none before readyAt, and ErrQuota
// none at all.
func (f *flow) admit(want int) (int, error) {
	if f.limit > 0 {
		total := f.total.Load()
		if total >= f.limit {
			return 0, ErrQuota
		}
		want = int(min(uint64(want), f.limit-total))
	}
	if f.rate != nil {
		if want = min(want, f.rate.available()); want == 0 {
			return 0, hostcalls.ErrWouldBlock
		}
	}
	return want, nil
}

// admitWhole is admit for a datagram, which can't be divided: it passes if any byte of it may, except beyond the limit.
func (f *flow) admitWhole(size int) error {
	if f.limit > 0 && f.total.Load()+uint64(size) > f.limit {
		return ErrQuota
	}
	if f.rate != nil && f.rate.available() == 0 {
		return hostcalls.ErrWouldBlock
	}
	return nil
}

// count counts n bytes that have passed.
func (f *flow) count(n int) {
	if n <= 0 {
		return
	}
	f.total.Add(uint64(n))
	if f.rate != nil {
		f.rate.take(n)
	}
}

// countDatagram counts a datagram of n bytes. To the rate an empty one is a byte, or any number of them would pass.
func (f *flow) countDatagram(n int) {
	f.total.Add(uint64(n))
	if f.rate != nil {
		f.rate.take(max(n, 1))
	}
}

// readyAt returns when the rate lets bytes pass again, zero if it does now.
func (f *flow) readyAt() time.Time {
	if f.rate == nil || f.spent() {
		return time.Time{}
	}
	return f.rate.readyAt()
}

// lockedBucket is a bucket on the system's clock, for any goroutine.
type lockedBucket struct {
	mu     sync.Mutex
	bucket bucket
}

func newBucket(rate uint64, now time.Time) *lockedBucket {
	return &lockedBucket{bucket: bucketOf(rate, now)}
}

func (b *lockedBucket) available() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bucket.available(time.Now())
}

func (b *lockedBucket) take(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bucket.take(n)
}

func (b *lockedBucket) readyAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bucket.readyAt(time.Now())
}

// bucket is a token bucket, as a plain value. It fills at the rate up to a tenth of a second's worth. Bytes pass once
// it holds a hundredth of a second's worth, so that those who wait are woken a hundred times a second at most, however
// low the rate. It owes what a datagram takes beyond what it holds.
type bucket struct {
	rate    float64 // tokens per second, one for each byte
	burst   float64 // what it holds at most
	quantum float64 // what it holds at least when it lets bytes pass
	level   float64 // what it held at the time
	at      time.Time
}

const (
	burstTime   = 100 * time.Millisecond
	quantumTime = 10 * time.Millisecond
)

func bucketOf(rate uint64, now time.Time) bucket {
	b := bucket{rate: float64(rate), at: now}
	b.quantum = max(1, b.rate*quantumTime.Seconds())
	b.burst = max(b.quantum, b.rate*burstTime.Seconds())
	b.level = b.burst
	return b
}

func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.level = min(b.burst, b.level+b.rate*passed.Seconds())
		b.at = now
	}
}

// available returns how many bytes may pass, zero if they have to wait.
func (b *bucket) available(now time.Time) int {
	if b.fill(now); b.level < b.quantum {
		return 0
	}
	return int(b.level)
}

func (b *bucket) take(n int) { b.level -= float64(n) }

// readyAt returns when available will not be zero, zero if it is not now.
func (b *bucket) readyAt(now time.Time) time.Time {
	if b.available(now) > 0 {
		return time.Time{}
	}
	// A nanosecond more than computed, so that rounding leaves nothing to wait for.
	return now.Add(time.Duration((b.quantum-b.level)/b.rate*float64(time.Second)) + 1)
}
