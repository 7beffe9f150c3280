package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// printed has the daemon run guests that print, and stop while one of them has not ended its line.
func printed(t *testing.T, d *testkit.Daemon) (ids []string) {
	t.Helper()
	module := d.Push(t, tool(t))
	for i := range 20 {
		id := d.Submit(t, &reactorv1.WorkloadSpec{
			Module: module, Name: fmt.Sprint("job ", i), Labels: map[string]string{"n": fmt.Sprint(i)},
			Args: []string{"cat"}, Stdin: []byte(strings.Repeat(fmt.Sprintf("line of %d\n", i), 100) + "the end"),
		})
		ids = append(ids, id)
	}
	for _, id := range ids {
		d.WaitFor(t, id)
	}
	waits := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"cat"}, Interactive: true, Stdin: []byte("unfinished")})
	until(t, "the last one has printed", func() bool {
		text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: waits})
		return text == "unfinished"
	})
	d.Stop()
	return append(ids, waits)
}

// Lines that guests print are on the standard output, all of them, and the daemon's own log is not.
func TestLogSinkStdout(t *testing.T) {
	t.Parallel()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d := testkit.StartWith(t, t.TempDir(), func(cmd *exec.Cmd) { cmd.Stdout = out }, "--log-sink=stdout")
	ids := printed(t, d)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		var l struct {
			Time, Workload, Name, Stream, Text string
			Labels                             map[string]string
			Attempt                            int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if i := slices.Index(ids, l.Workload); l.Stream != "stdout" || l.Attempt != 1 || l.Time == "" ||
			i < 20 && (l.Name != fmt.Sprint("job ", i) || l.Labels["n"] != fmt.Sprint(i)) {
			t.Errorf("a line is %s", line)
		}
		got[l.Workload] = append(got[l.Workload], l.Text)
	}
	for i, id := range ids[:20] {
		want := append(slices.Repeat([]string{fmt.Sprint("line of ", i)}, 100), "the end")
		if !slices.Equal(got[id], want) {
			t.Errorf("of %s there are %q", id, got[id])
		}
	}
	if last := got[ids[20]]; !slices.Equal(last, []string{"unfinished"}) {
		t.Errorf("of the one that was stopped there are %q", last)
	}
}

// The log says that nobody reads the standard output while lines are lost, and when somebody does again. Guests do not wait for it.
func TestLogSinkUnread(t *testing.T) {
	t.Parallel()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	d := testkit.StartWith(t, t.TempDir(), func(cmd *exec.Cmd) { cmd.Stdout = to }, "--log-sink=stdout")
	_ = to.Close()
	module := d.Push(t, tool(t))
	for range 2 { // the second one loses lines while those of the first are not taken
		d.WaitFor(t, d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"cat"}, Stdin: []byte(strings.Repeat("\n", 70_000))}))
	}
	until(t, "the log says that nobody reads", func() bool {
		return strings.Contains(d.Log(), "telemetry can't be sent") && strings.Contains(d.Log(), "nobody reads the standard output: nothing was taken for")
	})
	go func() { _, _ = io.Copy(io.Discard, from) }()
	until(t, "the log says that somebody does", func() bool { return strings.Contains(d.Log(), "telemetry is sent again") })
	d.Stop()
}

// records is a collector of OpenTelemetry that keeps the records that it gets.
type records struct {
	collectorlogs.UnimplementedLogsServiceServer

	mu   sync.Mutex
	list []*logs.LogRecord
}

// Export implements the collector's service.
func (r *records) Export(_ context.Context, req *collectorlogs.ExportLogsServiceRequest) (*collectorlogs.ExportLogsServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range req.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			r.list = append(r.list, scope.GetLogRecords()...)
		}
	}
	return &collectorlogs.ExportLogsServiceResponse{}, nil
}

// Lines that guests print are sent to a collector, all of them, with the traces that their workloads are part of.
func TestLogSinkOTLP(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			testLogSinkOTLP(t, network)
		})
	}
}

func testLogSinkOTLP(t *testing.T, network string) {
	t.Helper()
	place, scheme := "127.0.0.1:0", "http://"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		place, scheme = filepath.Join(dir, "collector"), "unix://"
	}
	l, err := net.Listen(network, place)
	if err != nil {
		t.Fatal(err)
	}
	r, server := &records{}, grpc.NewServer()
	collectorlogs.RegisterLogsServiceServer(server, r)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)

	d := testkit.StartWith(t, t.TempDir(), func(cmd *exec.Cmd) {
		cmd.Env = []string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=" + scheme + l.Addr().String()}
	}, "--log-sink=otlp")
	traced, err := d.Workloads.SubmitWorkload(metadata.AppendToOutgoingContext(t.Context(), "traceparent", inTrace), &reactorv1.SubmitWorkloadRequest{
		Spec: &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"cat"}, Stdin: []byte("traced\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.WaitFor(t, traced.GetWorkload().GetId())
	ids := printed(t, d)
	if len(r.list) != 20*101+2 {
		t.Errorf("there are %d records, and not 2022", len(r.list))
	}
	for _, record := range r.list {
		about := map[string]string{}
		for _, a := range record.GetAttributes() {
			about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		id, text := about["reactord.workload.id"], record.GetBody().GetStringValue()
		if about["log.iostream"] != "stdout" || text == "" || record.GetTimeUnixNano() == 0 {
			t.Errorf("a record is %v", record)
		}
		if i := slices.Index(ids, id); i >= 0 && i < 20 && about["reactord.workload.label.n"] != fmt.Sprint(i) {
			t.Errorf("a record of workload %d is %v", i, record)
		}
		if isTraced := fmt.Sprintf("%x", record.GetTraceId()) == callerTrace; isTraced != (text == "traced") {
			t.Errorf("%q is in the trace %x", text, record.GetTraceId())
		}
	}
}
