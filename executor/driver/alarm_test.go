package driver

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestAlarm: the system's alarm and Go's ring once for each time that they are set, not early, and the last time counts.
func TestAlarm(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alarm alarm
	}{{"the system's", newAlarm()}, {"Go's", newGoAlarm()}} {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.alarm
			defer a.close()
			for _, sets := range [][]time.Duration{
				{5 * time.Millisecond}, {0}, {-time.Second}, {time.Nanosecond}, {time.Hour, time.Millisecond},
				{time.Nanosecond, 5 * time.Millisecond},
			} {
				began := time.Now()
				for _, after := range sets {
					a.set(after)
				}
				if !a.wait() {
					t.Fatalf("set to %v: stopped", sets)
				}
				if last := sets[len(sets)-1]; time.Since(began) < last {
					t.Errorf("set to %v: it rang after %v", sets, time.Since(began))
				}
			}
			rang := make(chan bool)
			go func() { rang <- a.wait() }()
			a.set(time.Hour)
			a.stop()
			if <-rang || a.wait() {
				t.Error("wait = true after stop")
			}
		})
	}
}

// TestSystemTimer: timers fire, and not early, with the system's alarm, and a driver with armed timers is closed.
func TestSystemTimer(t *testing.T) {
	d := New(Config{SystemTimer: true})
	defer closeNow(t, d)
	const n = 1000
	var all sync.WaitGroup
	all.Add(n)
	rng := rand.New(rand.NewPCG(7, 8))
	start := time.Now()
	for range n {
		due := start.Add(time.Duration(rng.IntN(int(50 * time.Millisecond))))
		d.Start(timer(func(got time.Time) {
			defer all.Done()
			if early := time.Until(due); early > 0 || !got.Equal(due) {
				t.Errorf("a timer due at %v fired %v early, as due at %v", due, early, got)
			}
		}), due)
	}
	d.Start(timer(func(time.Time) { t.Error("it fired an hour early") }), start.Add(time.Hour))
	all.Wait()
}

// BenchmarkAlarm measures how late an alarm rings in a process that sleeps, and the processor time for each ring.
func BenchmarkAlarm(b *testing.B) {
	for _, bb := range []struct {
		name  string
		alarm alarm
	}{{"system", newAlarm()}, {"go", newGoAlarm()}} {
		b.Run(bb.name, func(b *testing.B) {
			defer bb.alarm.close()
			var late []time.Duration
			for b.Loop() {
				const after = 1300 * time.Microsecond
				due := time.Now().Add(after)
				bb.alarm.set(after)
				bb.alarm.wait()
				late = append(late, time.Since(due))
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "p99-us")
		})
	}
}
