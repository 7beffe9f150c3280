package attempt

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
)

// TestUsageAddsUp: usage is that of all attempts, the peak the largest of them.
func TestUsageAddsUp(t *testing.T) {
	in(t, func(f *fixture) {
		p := &program{}
		p.run = func(fiber *executor.Fiber, cfg *abi.Config) (abi.Exit, error) {
			m := &tank{}
			fiber.SetMeter(m)
			m.burnt = 40
			fiber.AddCPU(time.Second)
			return abi.Exit{}, write(cfg, "0123456789")
		}
		var past Past
		for number, want := range []struct {
			peak, fuel, peakOfAll, log uint64
		}{{100, 40, 100, 10}, {300, 80, 300, 20}, {200, 120, 300, 30}} {
			p.peak = int64(want.peak)
			var change []func(*Config)
			if number > 0 {
				change = append(change, after(past, int64(past.Usage.LogBytes)))
			}
			a := f.attempt(p, change...)
			f.run(a)
			got := a.Usage()
			if got.Fuel != want.fuel || got.PeakMemoryBytes != want.peakOfAll || got.LogBytes != want.log {
				t.Errorf("after attempt %d: %+v, want %+v", number+1, got, want)
			}
			if least := time.Duration(number+1) * time.Second; got.CPUTime < least {
				t.Errorf("after attempt %d: %v of processor time, want %v at least", number+1, got.CPUTime, least)
			}
			past = a.Past(got)
		}
	})
}

// TestWaitsAddUp: the time of an attempt is what its guest ran, was ready, and waited for each kind of operation, and earlier
// attempts are added to it.
func TestWaitsAddUp(t *testing.T) {
	in(t, func(f *fixture) {
		var past Past
		for number := range 3 {
			p := &program{waits: []hostcalls.WaitUsage{
				{Kind: hostcalls.OpRead, Time: time.Minute, Count: 2}, {Kind: hostcalls.OpTimer, Time: time.Second, Count: 1},
			}, waitsFor: hostcalls.OpAccept}
			p.run = func(fiber *executor.Fiber, _ *abi.Config) (abi.Exit, error) { return abi.Exit{}, fiber.Park() }
			a := f.attempt(p, after(past, 0))
			ended := f.spawn(a, lifecycle.NoCause)
			time.Sleep(time.Hour)
			n := number + 1
			want := []api.WaitUsage{
				{Kind: api.OpKind(hostcalls.OpTimer), Time: times(n, time.Second), Count: uint64(n)},
				{Kind: api.OpKind(hostcalls.OpRead), Time: times(n, time.Minute), Count: 2 * uint64(n)},
			}
			now := append(slices.Clone(want), api.WaitUsage{Kind: api.OpKind(hostcalls.OpAccept), Time: time.Hour, Count: 1})
			if diff := cmp.Diff(now, a.Usage().Waits); diff != "" {
				t.Errorf("in attempt %d (-want +got):\n%s", number+1, diff)
			}
			a.Wake()
			<-ended
			if got := a.Usage(); got.WaitingTime != times(n, time.Hour) || got.ReadyTime != 0 || cmp.Diff(want, got.Waits) != "" {
				t.Errorf("after attempt %d: %+v", number+1, got)
			}
			past = a.Past(a.Usage())
		}
	})
}

// TestServiceWaits: a service waits for requests, beside what its instances wait for.
func TestServiceWaits(t *testing.T) {
	in(t, func(f *fixture) {
		p := &program{
			run:      func(fiber *executor.Fiber, _ *abi.Config) (abi.Exit, error) { return abi.Exit{}, fiber.Park() },
			waits:    []hostcalls.WaitUsage{{Kind: hostcalls.OpTimer, Time: time.Minute, Count: 2}},
			waitsFor: hostcalls.OpAccept,
		}
		a := f.attempt(p, func(c *Config) { c.Module = service{p, executor.Usage{CPU: time.Second, Waiting: time.Minute}} })
		ended := f.spawn(a, lifecycle.NoCause)
		time.Sleep(time.Hour)
		want := []api.WaitUsage{
			{Kind: api.OpKind(hostcalls.OpTimer), Time: time.Minute, Count: 2}, {Kind: api.OpKind(hostcalls.OpAccept), Time: time.Hour, Count: 1},
		}
		for _, when := range []string{"while it serves", "at its end"} {
			if got := a.Usage(); got.WaitingTime != time.Hour+time.Minute || got.CPUTime != time.Second || cmp.Diff(want, got.Waits) != "" {
				t.Errorf("%s: %+v", when, got)
			}
			if when == "while it serves" {
				a.Wake()
				<-ended
			}
		}
	})
}

// TestTrafficAddsUp: the limits of bytes are those of all attempts together.
func TestTrafficAddsUp(t *testing.T) {
	in(t, func(f *fixture) {
		past := Past{Usage: api.Usage{SentBytes: 10, ReceivedBytes: 20}}
		p := &program{run: func(_ *executor.Fiber, cfg *abi.Config) (abi.Exit, error) {
			traffic := cfg.Network.Traffic
			if traffic.Sent() != 10 || traffic.Received() != 20 {
				t.Errorf("it begins with %d bytes sent and %d received", traffic.Sent(), traffic.Received())
			}
			traffic.CountPast(1, 2)
			return abi.Exit{}, nil
		}}
		a := f.attempt(p, after(past, 0), func(cfg *Config) { cfg.Spec.Grants = grant.List{grant.Resolve{Pattern: "*"}} })
		f.run(a)
		if got := a.Usage(); got.SentBytes != 11 || got.ReceivedBytes != 22 {
			t.Errorf("%d bytes were sent, and %d received", got.SentBytes, got.ReceivedBytes)
		}
	})
}

func times(n int, d time.Duration) time.Duration { return time.Duration(n) * d }

// peered is what only another workload can make ready.
type peered string

func (peered) Transferred(hostcalls.OpKind) uint64 { return 0 }
func (peered) Grant() string                       { return "" }
func (p peered) Peer() string                      { return string(p) }

// TestHeldBy: a guest that waits for nothing, or for other guests alone, is held, after a moment.
func TestHeldBy(t *testing.T) {
	in(t, func(f *fixture) {
		stuck := f.attempt(parks())
		waiting := parks()
		waiting.ops = []hostcalls.Op{{Kind: hostcalls.OpRead}}
		waits := f.attempt(waiting)
		held := func(of *Attempt) string {
			peers, held := of.HeldBy(time.Now())
			return fmt.Sprint(held, " ", peers)
		}
		if held(stuck) != "false []" {
			t.Error("one that was not started is held")
		}
		f.spawn(stuck, lifecycle.NoCause)
		f.spawn(waits, lifecycle.NoCause)
		for _, tc := range []struct {
			after time.Duration
			want  bool
		}{{0, false}, {heldAfter - 1, false}, {1, true}, {time.Hour, true}} {
			time.Sleep(tc.after)
			synctest.Wait()
			if got := held(stuck); got != fmt.Sprint(tc.want, " []") {
				t.Errorf("after %v more: held %s", tc.after, got)
			}
			if held(waits) != "false []" {
				t.Errorf("after %v more one that waits for something is held", tc.after)
			}
		}
		stuck.Wake()
		synctest.Wait()
		if held(stuck) != "false []" {
			t.Error("one that has ended is held")
		}
	})
}

// TestHeldByPeers: only what another workload alone can end holds a guest.
func TestHeldByPeers(t *testing.T) {
	in(t, func(f *fixture) {
		op := func(kind hostcalls.OpKind, peer string) hostcalls.Op {
			return hostcalls.Op{Kind: kind, Subject: peered(peer)}
		}
		due := op(hostcalls.OpRead, "a")
		due.Deadline = time.Now().Add(time.Hour)
		for _, tc := range []struct {
			ops  []hostcalls.Op
			want []string
			held bool
		}{
			{[]hostcalls.Op{op(hostcalls.OpRead, "a"), op(hostcalls.OpRead, "b"), op(hostcalls.OpWrite, "a")}, []string{"a", "b"}, true},
			{[]hostcalls.Op{op(hostcalls.OpRead, "a"), op(hostcalls.OpRead, "")}, nil, false},
			{[]hostcalls.Op{op(hostcalls.OpRead, "a"), {Kind: hostcalls.OpTimer}}, nil, false},
			{[]hostcalls.Op{due}, nil, false},
			{[]hostcalls.Op{op(hostcalls.OpRate, "a")}, nil, false},
		} {
			p := parks()
			p.ops = tc.ops
			a := f.attempt(p)
			f.spawn(a, lifecycle.NoCause)
			synctest.Wait()
			time.Sleep(time.Minute)
			if peers, held := a.HeldBy(time.Now()); held != tc.held || !slices.Equal(peers, tc.want) {
				t.Errorf("one that waits for %v is held %t by %q, want %q", tc.ops, held, peers, tc.want)
			}
			a.Wake()
		}
	})
}

// TestServes: a guest serves that has waited for connections, and for nothing else, for a while.
func TestServes(t *testing.T) {
	in(t, func(f *fixture) {
		accept := hostcalls.Op{Kind: hostcalls.OpAccept, Target: "127.0.0.1:80"}
		due := hostcalls.Op{Kind: hostcalls.OpAccept, Deadline: time.Now().Add(time.Hour)}
		for _, tc := range []struct {
			ops  []hostcalls.Op
			want bool
		}{
			{nil, false},
			{[]hostcalls.Op{accept}, true},
			{[]hostcalls.Op{accept, accept}, true},
			{[]hostcalls.Op{accept, {Kind: hostcalls.OpRead}}, false},
			{[]hostcalls.Op{{Kind: hostcalls.OpTimer}, accept}, false},
			{[]hostcalls.Op{due}, false},
		} {
			p := parks()
			p.ops = tc.ops
			a := f.attempt(p)
			if a.Serves() {
				t.Errorf("one that was not started serves")
			}
			f.spawn(a, lifecycle.NoCause)
			synctest.Wait()
			if a.Serves() {
				t.Errorf("one serves that waits for %v since just now", tc.ops)
			}
			time.Sleep(time.Minute)
			if a.Serves() != tc.want {
				t.Errorf("one that waits for %v serves: %t", tc.ops, !tc.want)
			}
			a.Wake()
			synctest.Wait()
			if a.Serves() {
				t.Error("one that has ended serves")
			}
		}
	})
}

// write writes a text to the standard output.
func write(cfg *abi.Config, text string) error {
	for rest := []byte(text); len(rest) > 0; {
		n, err := cfg.Stdout.Write(rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// TestDeadline: the timeout counts from the first start, whichever attempt it is, and Disarm calls it off.
func TestDeadline(t *testing.T) {
	const timeout = time.Minute
	limited := func(cfg *Config) { cfg.Spec.Limits.Timeout = timeout }
	in(t, func(f *fixture) {
		first := time.Now()
		a := f.attempt(parks(), limited)
		a.Arm()
		time.Sleep(20 * time.Second)
		a.Disarm()
		past := a.Past(api.Usage{})
		if want := (Past{First: first, Started: first, Timeout: timeout, Refusals: a.refusals}); !reflect.DeepEqual(past, want) {
			t.Errorf("left %+v, want %+v", past, want)
		}
		if got := past.Deadline(); !got.Equal(first.Add(timeout)) {
			t.Errorf("the deadline is %v after the first start", got.Sub(first))
		}

		a = f.attempt(parks(), limited, after(past, 0))
		second := time.Now()
		if !a.First.Equal(first) || !a.Started.Equal(second) || a.Number != 2 {
			t.Errorf("the second attempt is number %d, started %v after the first", a.Number, a.Started.Sub(a.First))
		}
		a.Arm()
		time.Sleep(2 * timeout)
		synctest.Wait()
		if got := f.owner.overdue; len(got) != 1 || !got[0].Equal(first.Add(timeout)) {
			t.Errorf("overdue at %v", got)
		}
		a.Disarm()

		a = f.attempt(parks()) // it has no timeout
		a.Arm()
		a.Disarm()
		late := f.attempt(parks(), limited, after(past, 0)) // it passed before the start
		late.Arm()
		synctest.Wait()
		if got := len(f.owner.overdue); got != 2 {
			t.Errorf("%d were overdue, want 2", got)
		}
	})
}

// TestPastDeadline: who has no timeout, or was never started, has no deadline.
func TestPastDeadline(t *testing.T) {
	for _, p := range []*Past{nil, {}, {Timeout: time.Second}, {First: time.Unix(1, 0)}} {
		if got := p.Deadline(); !got.IsZero() {
			t.Errorf("%+v has the deadline %v", p, got)
		}
	}
}

// TestLogGoesOn: the log of an attempt begins behind all that was written before, as far as that is known, and counts
// what of it was dropped.
func TestLogGoesOn(t *testing.T) {
	for _, tc := range []struct {
		name             string
		written, dropped uint64
		stored           int64
		want             uint64
	}{
		{"all is stored", 100, 0, 100, 105},
		{"some was dropped", 100, 30, 70, 105},
		{"more is stored than was recorded, after a crash", 10, 0, 100, 105},
		{"less is stored than was recorded", 100, 0, 40, 105},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, func(f *fixture) {
				p := &program{run: func(_ *executor.Fiber, cfg *abi.Config) (abi.Exit, error) { return abi.Exit{}, write(cfg, "01234") }}
				a := f.attempt(p, after(Past{Usage: api.Usage{LogBytes: tc.written, LogBytesDropped: tc.dropped}}, tc.stored))
				f.run(a)
				if e := a.Log().Extent(); e.End != int64(tc.want) {
					t.Errorf("the log ends at %d, want %d", e.End, tc.want)
				}
				want := api.Usage{LogBytes: tc.want, LogBytesDropped: tc.dropped}
				got := a.Usage()
				if got = (api.Usage{LogBytes: got.LogBytes, LogBytesDropped: got.LogBytesDropped}); !reflect.DeepEqual(got, want) {
					t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
				}
			})
		})
	}
}

// TestLogIsMadeOnce by whoever needs it first, and not for a guest that is silent.
func TestLogIsMadeOnce(t *testing.T) {
	in(t, func(f *fixture) {
		a := f.attempt(begins(abi.Exit{}, nil))
		<-f.spawn(a, lifecycle.NoCause)
		if a.LogIfAny() != nil {
			t.Error("a silent guest has a log")
		}
		var logs [8]*logbuf.Log
		var asking sync.WaitGroup
		for i := range logs {
			asking.Go(func() { logs[i] = a.Log() })
		}
		asking.Wait()
		for _, l := range logs {
			if l != logs[0] || a.LogIfAny() != l {
				t.Error("there are several logs")
			}
		}
	})
}
