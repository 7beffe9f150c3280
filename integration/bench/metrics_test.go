package bench

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkScrape measures a page of metrics at 100,000 guests that wait: how long it takes, and how late guests of a crowd wake
// that sleeps a second again and again, with a reader that asks ten times a second and without one. stalls are wake-ups that were
// more than 10 ms late.
func BenchmarkScrape(b *testing.B) {
	const guests, sleepers, turn, pause = 100_000, 1000, 15 * time.Second, 100 * time.Millisecond
	for b.Loop() {
		d := testkit.Start(b, b.TempDir(), "--metrics=127.0.0.1:0")
		url := "http://" + metricsAt(b, d)
		module := d.Push(b, examples.Sleeper)
		fill(b, d, sleepingProgram(module, farFuture), guests)
		d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1000000", "1000"}}, sleepers)
		time.Sleep(2 * turn) // what starting took is forgotten, and given back
		for _, asking := range []string{"quiet", "asked"} {
			ctx, stop := context.WithTimeout(b.Context(), turn)
			before := latenessOf(b, url)
			var took []time.Duration
			for asking == "asked" && ctx.Err() == nil {
				took = append(took, scrape(b, url))
				time.Sleep(pause)
			}
			<-ctx.Done()
			stop()
			after := latenessOf(b, url)
			b.ReportMetric((after.sum-before.sum)/(after.count-before.count)*1e6, asking+"-late-us")
			b.ReportMetric((after.count-after.inTime)-(before.count-before.inTime), asking+"-stalls")
			if len(took) > 0 {
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "scrape-p50-us")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "scrape-p99-us")
				b.ReportMetric(float64(took[len(took)-1].Microseconds()), "scrape-max-us")
			}
		}
		d.Kill()
	}
}

// BenchmarkSubmitMetrics measures submissions by 16 clients to a daemon with metrics, which are read once a second, and to one without,
// in turn.
func BenchmarkSubmitMetrics(b *testing.B) {
	const pairs = 10
	for b.Loop() {
		var rates, cpu []float64 // on/off, of each pair
		for pair := range pairs {
			var rate, used [2]float64
			for turn := range 2 {
				on := (pair + turn) % 2 // which one begins changes from pair to pair
				rate[on], used[on] = submitWith(b, on == 1)
			}
			rates, cpu = append(rates, rate[1]/rate[0]), append(cpu, used[1]/used[0])
		}
		b.ReportMetric(median(rates), "on/off")
		b.ReportMetric(median(cpu), "cpu-on/off")
	}
}

// submitWith returns submissions a second, and the microseconds of the daemon's processor time for each.
func submitWith(b *testing.B, metrics bool) (rate, cpu float64) {
	b.Helper()
	var flags []string
	if metrics {
		flags = []string{"--metrics=127.0.0.1:0"}
	}
	d := testkit.Start(b, b.TempDir(), flags...)
	defer d.Stop()
	module := d.Push(b, examples.Sleeper)
	warmUp(b, d, sleepingProgram(module, 1))
	ctx, stop := context.WithCancel(b.Context())
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		for metrics && ctx.Err() == nil {
			scrape(b, "http://"+metricsAt(b, d))
			time.Sleep(time.Second)
		}
	}()
	request := &reactorv1.SubmitWorkloadRequest{Spec: sleepingProgram(module, 1)}
	before := processCPU(b, d.PID)
	rate = drive(b, submitTime, 16, func(ctx context.Context) error {
		_, err := d.Workloads.SubmitWorkload(ctx, request)
		return err
	})
	used := processCPU(b, d.PID) - before
	stop()
	<-reader
	return rate, float64(used.Microseconds()) / (rate * submitTime.Seconds())
}

// BenchmarkResumeMetrics measures wakes and resumes of 1,000 guests on one worker while what a page needs of the executor is read a
// hundred times a second, and while it is not, in turn. Nothing else of a wake depends on metrics. Turns are short, so that what else
// the machine does falls on both.
func BenchmarkResumeMetrics(b *testing.B) {
	const pairs, howMany, pause = 200, 200_000, 10 * time.Millisecond
	r := newRing(b, 1000, 1)
	r.run(howMany)
	for b.Loop() {
		var ratios, cpu []float64 // read/not, of each pair
		for pair := range pairs {
			var took, used [2]time.Duration
			for turn := range 2 {
				read := (pair + turn) % 2
				ctx, stop := context.WithCancel(b.Context())
				reader := make(chan struct{})
				go func() {
					defer close(reader)
					for read == 1 && ctx.Err() == nil {
						_, _ = r.executor.Stats(), r.executor.LatenessTotal()
						time.Sleep(pause)
					}
				}()
				began, before := time.Now(), ownCPU(b)
				r.run(howMany)
				took[read], used[read] = time.Since(began), ownCPU(b)-before
				stop()
				<-reader
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
			cpu = append(cpu, float64(used[1])/float64(used[0]))
		}
		b.ReportMetric(median(ratios), "read/not")
		b.ReportMetric(median(cpu), "cpu-read/not")
	}
}

// ownCPU is the processor time of this process.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// metricsAt is where a daemon says that it serves metrics.
func metricsAt(b *testing.B, d *testkit.Daemon) string {
	b.Helper()
	for line := range strings.Lines(d.Log()) {
		var entry struct{ Msg, At string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "metrics" {
			return entry.At + "/metrics"
		}
	}
	b.Fatal("the daemon does not say where it serves metrics")
	return ""
}

// scrape reads a page and returns how long that took.
func scrape(b *testing.B, url string) time.Duration {
	began := time.Now()
	readMetrics(b, url)
	return time.Since(began)
}

func readMetrics(b *testing.B, url string) string {
	response, err := http.Get(url)
	if err != nil {
		b.Error(err)
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Errorf("status %d, %v", response.StatusCode, err)
	}
	return string(body)
}

// late is how late guests have woken.
type late struct{ sum, count, inTime float64 }

func latenessOf(b *testing.B, url string) (l late) {
	b.Helper()
	for line := range strings.Lines(readMetrics(b, url)) {
		for name, to := range map[string]*float64{"_sum ": &l.sum, "_count ": &l.count, `_bucket{le="0.01"} `: &l.inTime} {
			if text, ok := strings.CutPrefix(line, "reactord_wake_lateness_seconds"+name); ok {
				if err := json.Unmarshal([]byte(text), to); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	return l
}
