package integration

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// asked asks a service for an answer again and again until stop is called, and returns how long each took.
func (s *service) asked() (stop func() []time.Duration) {
	done, result := make(chan struct{}), make(chan []time.Duration, 1)
	go func() {
		var took []time.Duration
		defer func() { result <- took }()
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			start := time.Now()
			resp, err := s.h1.Get(s.url + "/sleep?10")
			if err != nil {
				s.t.Errorf("the service meanwhile: %v", err)
				return
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(b) != "slept\n" {
				s.t.Errorf("the service meanwhile: %d %q, %v", resp.StatusCode, b, err)
			}
			took = append(took, time.Since(start))
		}
	}()
	return func() []time.Duration {
		close(done)
		return <-result
	}
}

// tooLate is what nothing beside hostile guests takes, however busy the machine is.
const tooLate = 10 * time.Second

// keptGoroutines is how many goroutines the daemon may keep that guests have run on: 64 for each worker.
var keptGoroutines = 64*uint64(runtime.GOMAXPROCS(0)) + 16

// beside is meanwhile, with a service that is asked, too; afterwards the daemon has no more than it had before.
func (s *service) beside(body func()) {
	s.t.Helper()
	before := s.d.Stats(s.t)
	stop := s.asked()
	meanwhile(s.t, s.d, body)
	took := stop()
	if len(took) < 3 {
		s.t.Errorf("%d answers of the service", len(took))
	}
	for _, t := range took {
		if t > tooLate {
			s.t.Errorf("an answer of the service took %v", t)
		}
	}
	until(s.t, "nothing is left", func() bool {
		now := s.d.Stats(s.t)
		return now.GetDescriptors() <= before.GetDescriptors()+2 && now.GetGoroutines() <= before.GetGoroutines()+keptGoroutines &&
			now.GetGuestMemoryBytes() <= before.GetGuestMemoryBytes()+1<<20 && now.GetRunning()+now.GetWaiting() == before.GetRunning()+before.GetWaiting()
	})
}

// steadyService is a service whose only instance stays.
func steadyService(t *testing.T, d *testkit.Daemon) *service {
	t.Helper()
	s := startService(t, d, &reactorv1.HttpService{MaxInstances: 1, MaxInstanceRequests: 1 << 30, IdleTimeout: durationpb.New(time.Hour)})
	s.ask(s.h1, "/")
	return s
}

// Components that mean harm, by calls, streams and what they hold, harm nobody but themselves, and leave nothing behind.
func TestHostileComponents(t *testing.T) {
	binary, err := os.ReadFile(filepath.Join("testdata", "hostile", "async.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, binary)
	s := steadyService(t, d)
	sleeper(t, d.Client, time.Second)
	for _, tt := range []struct {
		export string
		traps  bool // or else it has no end
	}{
		{"spin", false},
		{"yield", false},
		{"cancels", false},
		{"single-bytes", false},
		{"drops", false},
		{"calls", true},
		{"unread", true},
		{"cancels-twice", true},
	} {
		t.Run(tt.export, func(t *testing.T) {
			one := *s
			one.t = t
			one.beside(func() {
				ids := d.SubmitMany(t, &reactorv1.WorkloadSpec{
					Module: module, Call: &reactorv1.FunctionCall{Export: tt.export}, Limits: &reactorv1.Limits{MemoryBytes: 128 << 20},
				}, 4)
				until(t, "it is under way", func() bool { return d.Status(t, ids[0]).GetState() != pending })
				time.Sleep(hostileTime)
				if !tt.traps {
					d.Cancel(t, ids...)
				}
				for _, id := range ids {
					switch end := d.WaitFor(t, id); {
					case end.GetUsage().GetPeakMemoryBytes() > 128<<20:
						t.Errorf("it had %d bytes", end.GetUsage().GetPeakMemoryBytes())
					case tt.traps && end.GetReason() != reactorv1.EndReason_END_REASON_TRAP, !tt.traps && end.GetState() != cancelled:
						t.Errorf("it ended as %v", end)
					}
				}
			})
		})
	}
}

// Services that do nothing useful with their requests harm no other one.
func TestHostileServices(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	s := steadyService(t, d)
	sleeper(t, d.Client, time.Second)
	for _, path := range []string{"/spin", "/forever", "/trap", "/count?1000", "/grow?50"} {
		t.Run(path[1:], func(t *testing.T) {
			one := *s
			one.t = t
			one.beside(func() {
				hostile := startService(t, d, &reactorv1.HttpService{RequestTimeout: durationpb.New(200 * time.Millisecond)})
				hostile.ask(hostile.h1, "/") // it works, so that traps do not end it
				done := make(chan struct{})
				const clients = 16
				for range clients {
					go func() {
						defer func() { done <- struct{}{} }()
						for end := time.Now().Add(hostileTime); time.Now().Before(end); {
							resp, err := hostile.h2.Get(hostile.url + path)
							if err != nil {
								continue
							}
							_, _ = io.Copy(io.Discard, resp.Body)
							_ = resp.Body.Close()
							if resp.StatusCode == http.StatusServiceUnavailable {
								time.Sleep(time.Millisecond)
							}
						}
					}()
				}
				for range clients {
					<-done
				}
				d.Cancel(t, hostile.id)
				if end := d.WaitFor(t, hostile.id); end.GetState() != cancelled {
					t.Errorf("it ended as %v", end)
				}
				hostile.h2.CloseIdleConnections()
				hostile.h1.CloseIdleConnections()
			})
		})
	}
}
