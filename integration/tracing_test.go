package integration

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// spans is a collector of OpenTelemetry that keeps the spans that it gets.
type spans struct {
	collector.UnimplementedTraceServiceServer
	address string
	answer  func(ctx context.Context) error // nil: takes everything

	mu   sync.Mutex
	list []*trace.Span
}

// collect starts a collector.
func collect(t *testing.T, answer func(ctx context.Context) error) *spans {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &spans{address: l.Addr().String(), answer: answer}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return s
}

// sendTo has a daemon send its telemetry to an address, soon.
func sendTo(address string, more ...string) func(cmd *exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + address, "OTEL_BSP_SCHEDULE_DELAY=100"}, more...)
	}
}

// Export implements the collector's service.
func (s *spans) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	if s.answer != nil {
		if err := s.answer(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.list = append(s.list, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// of returns the spans of a trace, in the order of their starts.
func (s *spans) of(traceID string) (list []*trace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.list {
		if hex.EncodeToString(span.GetTraceId()) == traceID {
			list = append(list, span)
		}
	}
	slices.SortFunc(list, func(a, b *trace.Span) int { return int(a.GetStartTimeUnixNano()) - int(b.GetStartTimeUnixNano()) })
	return list
}

// find returns the span with a name, if there is one.
func find(list []*trace.Span, name string) *trace.Span {
	i := slices.IndexFunc(list, func(s *trace.Span) bool { return s.GetName() == name })
	if i < 0 {
		return nil
	}
	return list[i]
}

func count(list []*trace.Span, name string) (n int) {
	for _, s := range list {
		if s.GetName() == name {
			n++
		}
	}
	return n
}

const (
	callerTrace = "0af7651916cd43dd8448eb211c80319c"
	callerSpan  = "b7ad6b7169203331"
	inTrace     = "00-" + callerTrace + "-" + callerSpan + "-01"
	notSampled  = "00-1af7651916cd43dd8448eb211c80319c-" + callerSpan + "-00"
	submitSpan  = "reactor.v1.WorkloadService/SubmitWorkload"
)

// A trace leads from the call of a client to the end of the workload, over a daemon that was killed.
func TestTraceSurvivesAKill(t *testing.T) {
	t.Parallel()
	c := collect(t, nil)
	dir := t.TempDir()
	d := testkit.StartWith(t, dir, sendTo(c.address))
	in := metadata.AppendToOutgoingContext(t.Context(), "traceparent", inTrace)
	submit := func(ctx context.Context, spec *reactorv1.WorkloadSpec) string {
		t.Helper()
		r, err := d.Workloads.SubmitWorkload(ctx, &reactorv1.SubmitWorkloadRequest{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetWorkload().GetId()
	}
	long := submit(in, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"cat"}, Interactive: true})
	quiet := submit(metadata.AppendToOutgoingContext(t.Context(), "traceparent", notSampled), sleeper(t, d.Client, time.Second))
	until(t, "the guest waits", func() bool { return d.Status(t, long).GetState() == waiting })
	until(t, "the first phases are told", func() bool { return find(c.of(callerTrace), "start") != nil })
	d.Kill()

	d = testkit.StartWith(t, dir, sendTo(c.address))
	until(t, "the guest waits again", func() bool { return d.Status(t, long).GetState() == waiting })
	if err := attach(t.Context(), t, d.Client, long).stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	d.WaitFor(t, long)
	d.WaitFor(t, quiet)
	d.Stop() // sends what is left

	list := c.of(callerTrace)
	call := find(list, submitSpan)
	if call == nil || hex.EncodeToString(call.GetParentSpanId()) != callerSpan {
		t.Fatalf("the call's span is %v", call)
	}
	for name, want := range map[string]int{"queue": 2, "start": 2, "run": 1} {
		if got := count(list, name); got != want {
			t.Errorf("%d spans %q, want %d: that of the run was open in the daemon that was killed", got, name, want)
		}
	}
	for _, s := range list {
		if s != call && !slices.Equal(s.GetParentSpanId(), call.GetSpanId()) {
			t.Errorf("%s is not below the call: %v", s.GetName(), s)
		}
	}
	if run := find(list, "run"); len(run.GetEvents()) == 0 || run.GetEvents()[0].GetName() != "wait" {
		t.Errorf("the run has the events %v", run.GetEvents())
	}
	if list := c.of(notSampled[3:35]); len(list) > 0 {
		t.Errorf("of a trace that is not sampled there are %v", list)
	}
}

// The command line passes on the trace that it is called in.
func TestTraceOfCommand(t *testing.T) {
	t.Parallel()
	c := collect(t, nil)
	d := testkit.StartWith(t, t.TempDir(), sendTo(c.address))
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactorctl"), "--addr="+d.Address, "run", toolFile(t), "cat")
	cmd.Env = append(cmd.Environ(), "TRACEPARENT="+inTrace, "TRACESTATE=a=b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d.Stop()
	list := c.of(callerTrace)
	if run := find(list, "run"); run == nil {
		t.Errorf("the trace has no run, but %v", list)
	}
}

// A request that a service gets, the one that it sends for it, and what gets that are in one trace.
func TestTraceOfHTTP(t *testing.T) {
	t.Parallel()
	c := collect(t, nil)
	fields := make(chan http.Header, 1)
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { fields <- r.Header }))
	defer site.Close()
	d := testkit.StartWith(t, t.TempDir(), sendTo(c.address))
	binary, err := os.ReadFile("../examples/fetch/rust/fetch.wasm")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, d: d, id: d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, binary), Serve: &reactorv1.HttpService{},
		Grants: []*reactorv1.Grant{listenAt("127.0.0.1:0"), {Grant: &reactorv1.Grant_Http{Http: &reactorv1.HttpGrant{Origin: site.URL}}}},
	})}
	s.find()
	ask := func(parent string) http.Header {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/stream?"+site.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("traceparent", parent)
		r.Header.Set("tracestate", "a=b")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return <-fields
	}
	got := ask(inTrace)
	if silent := ask(notSampled).Get("traceparent"); !strings.HasPrefix(silent, notSampled[:35]) || !strings.HasSuffix(silent, "-00") {
		t.Errorf("of a trace that is not sampled the site gets %q", silent)
	}
	d.Stop()
	list := c.of(callerTrace)
	if len(list) != 2 {
		t.Fatalf("the trace has %v", list)
	}
	received, sent := list[0], list[1]
	if received.GetKind() != trace.Span_SPAN_KIND_SERVER || hex.EncodeToString(received.GetParentSpanId()) != callerSpan {
		t.Errorf("the service's span is %v", received)
	}
	if sent.GetKind() != trace.Span_SPAN_KIND_CLIENT || !slices.Equal(sent.GetParentSpanId(), received.GetSpanId()) {
		t.Errorf("the span of what it sends is %v", sent)
	}
	if want := "00-" + callerTrace + "-" + hex.EncodeToString(sent.GetSpanId()) + "-01"; got.Get("traceparent") != want || got.Get("tracestate") != "a=b" {
		t.Errorf("the site gets %v, want %q", got, want)
	}
	if left := c.of(notSampled[3:35]); len(left) > 0 {
		t.Errorf("of a trace that is not sampled there are %v", left)
	}
}

// A collector that is down, slow, or refuses costs a client nothing, and a stop of the daemon little.
func TestCollectorFails(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(context.Context) error{
		"down":    nil,
		"slow":    func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"refuses": func(context.Context) error { return status.Error(codes.PermissionDenied, "who are you?") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := testkit.FreeAddress(t)
			if name != "down" {
				address = collect(t, answer).address
			}
			d := testkit.StartWith(t, t.TempDir(), sendTo(address, "OTEL_BSP_MAX_QUEUE_SIZE=20"))
			for _, id := range d.SubmitMany(t, sleeper(t, d.Client, time.Millisecond), 50) {
				d.WaitFor(t, id)
			}
			began := time.Now()
			d.Stop()
			if took := time.Since(began); took > time.Minute {
				t.Errorf("stopping took %v", took)
			}
			if log := d.Log(); !strings.Contains(log, "telemetry was not sent") {
				t.Errorf("the log does not say that spans are lost:\n%s", log)
			}
		})
	}
}

// Variables that OpenTelemetry's own packages would not understand are faults.
func TestFaultyVariables(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "--data-dir="+t.TempDir(), "--listen=127.0.0.1:0")
	pipe := filepath.Join(t.TempDir(), "pipe") // which nobody writes to
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=https://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_TRACES_SAMPLER=x", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=x", "OTEL_EXPORTER_OTLP_CERTIFICATE="+pipe)
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"4 faults", "$OTEL_EXPORTER_OTLP_PROTOCOL", "$OTEL_TRACES_SAMPLER", "$OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "is not a regular file"} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, and it does not say %q:\n%s", err, want, out)
		}
	}
}
