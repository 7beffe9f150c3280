package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// serviceFile is the path of the service in testdata, which does what its path says.
var serviceFile = filepath.Join("testdata", "services", "service.wasm")

// service is a workload that serves.
type service struct {
	t   *testing.T
	d   *testkit.Daemon
	id  string
	url string
	// Clients of both versions of HTTP.
	h1, h2 *http.Client
}

// startService submits a service and waits until it listens.
func startService(t *testing.T, d *testkit.Daemon, how *reactorv1.HttpService, change ...func(*reactorv1.WorkloadSpec)) *service {
	t.Helper()
	s := &service{t: t, d: d, h1: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	plain := new(http.Protocols)
	plain.SetUnencryptedHTTP2(true)
	s.h2 = &http.Client{Transport: &http.Transport{Protocols: plain}}
	t.Cleanup(func() { s.h1.CloseIdleConnections(); s.h2.CloseIdleConnections() })
	spec := &reactorv1.WorkloadSpec{Module: pushService(t, d), Serve: how, Grants: []*reactorv1.Grant{listenAt("127.0.0.1:0")}}
	for _, c := range change {
		c(spec)
	}
	s.id = d.Submit(t, spec)
	s.find()
	return s
}

func pushService(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	binary, err := os.ReadFile(serviceFile)
	if err != nil {
		t.Fatal(err)
	}
	return d.Push(t, binary)
}

func listenAt(address string) *reactorv1.Grant {
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}}
}

// find finds the address.
func (s *service) find() {
	s.t.Helper()
	until(s.t, "it listens", func() bool {
		w := s.d.Status(s.t, s.id)
		if w.GetEndTime() != nil {
			s.t.Fatalf("it has ended: %v", w)
		}
		if (w.GetState() == waiting || w.GetState() == running) && len(w.GetListenAddresses()) == 1 {
			s.url = "http://" + w.GetListenAddresses()[0]
		}
		return s.url != ""
	})
}

// ask sends a request, and returns the answer.
func (s *service) ask(client *http.Client, path string) (status int, text string) {
	s.t.Helper()
	resp, err := client.Get(s.url + path)
	if err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, string(b)
}

func (s *service) counts() *reactorv1.ServiceStatus { return s.d.Status(s.t, s.id).GetService() }

// A service answers, streams in both directions, is told of, and leaves nothing behind.
func TestService(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	before := d.Stats(t)
	s := startService(t, d, &reactorv1.HttpService{AccessLog: true})
	for _, client := range []*http.Client{s.h1, s.h2} {
		for path, want := range map[string]string{"/": "hello\n", "/sleep?10": "slept\n", "/count?3": "0\n1\n2\n", "/grow?3": "3145728\n"} {
			if status, text := s.ask(client, path); status != http.StatusOK || text != want {
				t.Errorf("%s: %d %q", path, status, text)
			}
		}
		s.echo(client)
	}
	if status, _ := s.ask(s.h1, "/error"); status != http.StatusInternalServerError {
		t.Errorf("an error is answered with %d", status)
	}
	until(t, "instances are not counted as workloads", func() bool { n := d.Stats(t); return n.GetWaiting() == 1 && n.GetRunning() == 0 })
	ops := s.during("/sleep?300", func() []*reactorv1.Op {
		response, err := d.Workloads.ListOps(t.Context(), &reactorv1.ListOpsRequest{WorkloadId: s.id})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetOps()
	})
	kinds := map[reactorv1.OpKind]string{}
	for _, op := range ops {
		kinds[op.GetKind()] = op.GetTarget()
	}
	if kinds[reactorv1.OpKind_OP_KIND_SERVE] != "GET /sleep" || "http://"+kinds[reactorv1.OpKind_OP_KIND_ACCEPT] != s.url || len(kinds) != 3 {
		t.Errorf("it waits for %v", ops)
	}
	s.h1.CloseIdleConnections()
	s.h2.CloseIdleConnections()
	until(t, "it is idle", func() bool {
		c := s.counts()
		return c.GetActive()+c.GetWaiting()+c.GetInstances()+c.GetConnections() == 0
	})
	d.Cancel(t, s.id)
	end := d.WaitFor(t, s.id)
	if end.GetReason() != reactorv1.EndReason_END_REASON_CANCELLED || end.GetService().GetRequests() != 12 || end.GetService().GetFailed() != 1 {
		t.Errorf("it ended as %v", end)
	}
	if u := end.GetUsage(); u.GetFuel() == 0 || u.GetCpuTime().AsDuration() == 0 || u.GetPeakMemoryBytes() < 3<<20 || u.GetSentBytes() < 2<<20 {
		t.Errorf("it has used %v", u)
	}
	if log, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: s.id}); !strings.Contains(log, "GET /count HTTP/2.0 200 6 bytes in ") ||
		!strings.Contains(log, "service: GET /error: loop-detected") {
		t.Errorf("its log: %s", log)
	}
	until(t, "nothing is left", func() bool {
		now := d.Stats(t)
		return now.GetDescriptors() <= before.GetDescriptors() && now.GetGuestMemoryBytes() <= before.GetGuestMemoryBytes() && now.GetGoroutines() <= before.GetGoroutines()+2
	})
}

// during calls look while a request is under way.
func (s *service) during(path string, look func() []*reactorv1.Op) (seen []*reactorv1.Op) {
	s.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := s.h1.Get(s.url + path); err == nil {
			_ = resp.Body.Close()
		}
	}()
	until(s.t, "the request is seen", func() bool {
		seen = look()
		return len(seen) > 2
	})
	<-done
	return seen
}

// echo sends a body piece by piece, the second one when the first has come back, and trailers.
func (s *service) echo(client *http.Client) {
	s.t.Helper()
	body, writer := io.Pipe()
	req, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/echo", body)
	req.Trailer = http.Header{"X-Sum": nil}
	go func() { _, _ = io.WriteString(writer, "first") }()
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
		s.t.Fatalf("%q, %v", first, err)
	}
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = writer.Write(sent)
		req.Trailer.Set("X-Sum", "42")
		_ = writer.Close()
	}()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, sent) || resp.Trailer.Get("X-Sum") != "42" {
		s.t.Errorf("%s: %d bytes of %d, %v, trailers %v", resp.Proto, len(got), len(sent), err, resp.Trailer)
	}
}

// Instances are used again, or not, as the service says.
func TestServiceInstances(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	s := startService(t, d, &reactorv1.HttpService{MaxInstances: 1, IdleTimeout: durationpb.New(time.Hour)})
	once := startService(t, d, &reactorv1.HttpService{MaxInstances: 1, MaxInstanceRequests: 1})
	for i := range 5 {
		if _, text := s.ask(s.h1, "/served"); text != fmt.Sprintln(i+1) {
			t.Errorf("request %d is number %s", i+1, text)
		}
		if _, text := once.ask(once.h1, "/served"); text != "1\n" {
			t.Errorf("with an instance for each request, request %d is number %s", i+1, text)
		}
	}
	if a, b := s.counts().GetInstancesStarted(), once.counts().GetInstancesStarted(); a != 1 || b < 5 {
		t.Errorf("%d and %d instances were started", a, b)
	}
}

// Thousands of requests wait at the same time, and all are answered.
func TestServiceManyWait(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	const requests = 2000
	s := startService(t, d, &reactorv1.HttpService{MaxConcurrentRequests: requests, MaxWaitingRequests: requests})
	var all sync.WaitGroup
	failures := make(chan error, requests)
	for range requests {
		all.Go(func() {
			resp, err := s.h2.Get(s.url + "/sleep?200")
			if err == nil {
				var b []byte
				b, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if string(b) != "slept\n" {
					err = errors.Join(err, fmt.Errorf("%d %q", resp.StatusCode, b))
				}
			}
			failures <- err
		})
	}
	all.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Fatal(err)
		}
	}
	if c := s.counts(); c.GetRequests() != requests || c.GetFailed()+c.GetRefused() > 0 {
		t.Errorf("%v", c)
	}
}

// What goes wrong with one request or one instance harms no others.
func TestServiceTroubles(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	s := startService(t, d, &reactorv1.HttpService{RequestTimeout: durationpb.New(500 * time.Millisecond)})
	for _, path := range []string{"/forever", "/spin"} {
		if status, text := s.ask(s.h1, path); status != http.StatusGatewayTimeout {
			t.Errorf("%s: %d %q", path, status, text)
		}
		if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
			t.Errorf("after %s: %d", path, status)
		}
		until(t, "nothing is left of it", func() bool { return s.counts().GetActive() == 0 })
	}
	// A response that takes too long is broken off.
	resp, err := s.h1.Get(s.url + "/count?1000")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil || len(b) == 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	_ = resp.Body.Close()
	// So is one whose client goes.
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/count?1000", nil)
	if resp, err = s.h2.Do(req); err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Read(make([]byte, 1))
	cancel()
	_ = resp.Body.Close()
	until(t, "nothing is left of them", func() bool { return s.counts().GetActive() == 0 })

	if status, _ := s.ask(s.h1, "/trap"); status != http.StatusInternalServerError {
		t.Errorf("a trap is answered with %d", status)
	}
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Errorf("after a trap: %d", status)
	}
	trap := func(s *service) {
		for range 10 {
			if resp, err := s.h1.Get(s.url + "/trap"); err == nil {
				_ = resp.Body.Close()
			}
		}
	}
	trap(s)
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Errorf("after many traps: %d", status)
	}
	// A service that has answered nothing yet is of no use.
	useless := startService(t, d, &reactorv1.HttpService{})
	trap(useless)
	end := d.WaitFor(t, useless.id)
	if end.GetState() != failed || end.GetReason() != reactorv1.EndReason_END_REASON_TRAP || end.GetCrash() == nil {
		t.Errorf("it ended as %v", end)
	}
}

// A request that computes, or is given up, does not hold up or take along others that its instance has got.
func TestServiceNeighbours(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	s := startService(t, d, &reactorv1.HttpService{MaxInstances: 1})
	begin := func(path string, active uint32) (status chan int, leave func()) {
		t.Helper()
		ctx, leave := context.WithCancel(t.Context())
		status = make(chan int, 1)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
			resp, err := s.h1.Do(req)
			if err != nil {
				status <- 0
				return
			}
			_ = resp.Body.Close()
			status <- resp.StatusCode
		}()
		until(t, path+" is active", func() bool { return s.counts().GetActive() == active })
		return status, leave
	}
	// wit-bindgen traps when it is told that a request was given up.
	for _, want := range []int{http.StatusInternalServerError, http.StatusOK} {
		slept, _ := begin("/sleep?1500", 1)
		_, leave := begin("/forever", 2)
		leave()
		if status := <-slept; status != want {
			t.Errorf("beside a request that was given up: %d, want %d", status, want)
		}
		until(t, "nothing is left", func() bool { return s.counts().GetActive() == 0 })
	}
	_, leave := begin("/spin", 1)
	answered, _ := begin("/", 2)
	leave()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("behind a request that computed and was given up: %d", status)
	}
	until(t, "nothing is left", func() bool { return s.counts().GetActive() == 0 })
}

// When all instances are busy requests wait, and beyond that they are refused.
func TestServiceFull(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	s := startService(t, d, &reactorv1.HttpService{MaxInstances: 1, MaxConcurrentRequests: 2, MaxWaitingRequests: 2})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if resp, err := s.h1.Get(s.url + "/sleep?1000"); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%v, %v", resp, err)
			} else {
				_ = resp.Body.Close()
			}
		})
	}
	until(t, "two are active and two wait", func() bool { return s.counts().GetActive() == 2 && s.counts().GetWaiting() == 2 })
	resp, err := s.h1.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
	all.Wait()
}

// A service goes on when its daemon was killed, and ends what is under way when its daemon stops.
func TestServiceRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	address := testkit.FreeAddress(t)
	s := startService(t, d, &reactorv1.HttpService{}, func(spec *reactorv1.WorkloadSpec) { spec.Grants = []*reactorv1.Grant{listenAt(address)} })
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Error(status)
	}
	d.Kill()
	d = testkit.Start(t, dir)
	s.d, s.url = d, ""
	s.find()
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK || s.url != "http://"+address {
		t.Errorf("%d, at %s", status, s.url)
	}
	answered := make(chan int)
	go func() {
		resp, err := s.h1.Get(s.url + "/sleep?1500")
		if err != nil {
			t.Error(err)
			close(answered)
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	until(t, "it is active", func() bool { return s.counts().GetActive() == 1 })
	d.Signal(syscall.SIGTERM)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("a request under way is answered with %d", status)
	}
	if exit := d.Wait(); exit != 0 {
		t.Errorf("the daemon exits with %d", exit)
	}
	d = testkit.Start(t, dir)
	s.d, s.url = d, ""
	s.find()
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Error(status)
	}
	if n := d.Status(t, s.id).GetAttempts(); n < 2 { // the first one may not have been recorded
		t.Errorf("%d attempts", n)
	}
}

// A component of WASI 0.2 answers one request, and others have instances of their own at the same time.
func TestServiceOf02(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary, err := os.ReadFile(filepath.Join("testdata", "services", "proxy.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	s := startService(t, d, &reactorv1.HttpService{}, func(spec *reactorv1.WorkloadSpec) { spec.Module = d.Push(t, binary) })
	const requests = 20
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			resp, err := s.h2.Get(s.url + "/sleep")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if b, err := io.ReadAll(resp.Body); string(b) != "1\n" || err != nil {
				t.Errorf("%d %q, %v", resp.StatusCode, b, err)
			}
		})
	}
	all.Wait()
	if c := s.counts(); c.GetInstancesStarted() < requests || c.GetFailed() > 0 {
		t.Error(c)
	}
	until(t, "nothing is left", func() bool { return s.counts().GetInstances() == 0 })
}

// What can't be served is refused when it is submitted, and by what.
func TestServiceRefused(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	module, listener := pushService(t, d), listenAt("127.0.0.1:0")
	for _, c := range []struct {
		name string
		spec *reactorv1.WorkloadSpec
		want string
	}{
		{"no listener", &reactorv1.WorkloadSpec{Module: module}, "spec.grants: a service needs a listener"},
		{"two listeners", &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{listener, listenAt("127.0.0.1:1")}}, "spec.grants: a service has one listener"},
		{"no handler", &reactorv1.WorkloadSpec{Module: pushComponent(t, d, "calc"), Grants: []*reactorv1.Grant{listener}}, "exports no handler"},
		{"no component", &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Grants: []*reactorv1.Grant{listener}}, "is no component"},
		{"a call", &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{listener}, Call: &reactorv1.FunctionCall{Export: "f"}}, "spec.call: a service has no such thing"},
	} {
		c.spec.Serve = &reactorv1.HttpService{}
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: c.spec})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	busy := startService(t, d, &reactorv1.HttpService{})
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: module, Serve: &reactorv1.HttpService{}, Grants: []*reactorv1.Grant{listenAt(strings.TrimPrefix(busy.url, "http://"))},
	})
	if end := d.WaitFor(t, id); end.GetReason() != reactorv1.EndReason_END_REASON_GRANT_DENIED || !strings.Contains(end.GetMessage(), "in use") {
		t.Errorf("at an address that is taken: %v", end)
	}
}

// reactorctl serve says where it serves, prints what the service writes, and takes it back when it is interrupted.
func TestServeCommand(t *testing.T) {
	c := newCtl(t)
	cmd := c.command(t, "serve", "--id", "shop", "--listen", "127.0.0.1:0", "--access-log", serviceFile)
	var errs lockedBuffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	until(t, "it says where it serves", func() bool {
		_, rest, found := strings.Cut(errs.String(), "serving ")
		url, _, _ = strings.Cut(rest, "\n")
		return found && url != ""
	})
	resp, err := http.Get(url + "/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	until(t, "the request is logged", func() bool { return strings.Contains(errs.String(), " GET /x HTTP/1.1 200 6 bytes in ") })
	if out := c.must(t, "status", "shop"); !strings.Contains(out, "requests      1\n") || !strings.Contains(out, "serves        HTTP\n") {
		t.Error(out)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 130 || !strings.Contains(errs.String(), "cancelled shop") {
		t.Errorf("exit status %d, %s", status, &errs)
	}
	if _, errs, status := c.run(t, "", "serve", componentFile("calc")); status != 125 || !strings.Contains(errs, "MODULE: the component exports no handler") {
		t.Errorf("status %d, %s", status, errs)
	}
}

// lockedBuffer is a buffer for a process that writes while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
