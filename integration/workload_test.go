package integration

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// The tests of this file share a daemon, and a Go guest that is compiled once.
func TestWorkloads(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	run := func(f func(*testing.T, *testkit.Daemon, string)) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			f(t, d, module)
		}
	}
	t.Run("Run", run(testRun))
	t.Run("ExitCode", run(testExitCode))
	t.Run("Panic", run(testPanic))
	t.Run("Directory", run(testDirectory))
	t.Run("Deadline", run(testDeadline))
	t.Run("Fuel", run(testFuel))
	t.Run("Idempotent", run(testIdempotent))
	t.Run("Batch", run(testBatch))
	t.Run("List", run(testList))
	t.Run("ListOfLarge", run(testListOfLarge))
	t.Run("Cancel", run(testCancel))
	t.Run("Ops", run(testOps))
	t.Run("Logs", run(testLogs))
	t.Run("Attach", run(testAttach))
	t.Run("AttachedInputIsBounded", run(testAttachedInputIsBounded))
	t.Run("AttachedOutputIsBounded", run(testAttachedOutputIsBounded))
}

func testRun(t *testing.T, d *testkit.Daemon, module string) {
	s := d.Run(t, &reactorv1.WorkloadSpec{
		Module: module,
		Args:   []string{"hello", "a b", ""},
		Env:    map[string]string{"NAME": "Ada", "A": "1"},
	})
	if s.GetState() != succeeded || s.ExitCode == nil || s.GetExitCode() != 0 {
		t.Errorf("status is %v", s)
	}
	if s.GetAttempts() != 1 || s.GetUsage().GetFuel() == 0 || s.GetUsage().GetPeakMemoryBytes() == 0 || s.GetUsage().GetCpuTime().AsDuration() <= 0 {
		t.Errorf("usage is %v after %d attempts", s.GetUsage(), s.GetAttempts())
	}
	times := []time.Time{s.GetCreateTime().AsTime(), s.GetStartTime().AsTime(), s.GetEndTime().AsTime()}
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("times are %v", times)
	}
}

func testExitCode(t *testing.T, d *testkit.Daemon, module string) {
	s := d.Run(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"exit", "42"}})
	if s.GetState() != failed || s.GetReason() != reactorv1.EndReason_END_REASON_EXIT || s.GetExitCode() != 42 {
		t.Errorf("status is %v", s)
	}
}

func testPanic(t *testing.T, d *testkit.Daemon, module string) {
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"panic", "at", "the", "disco"}})
	if s := d.WaitFor(t, id); s.GetState() != failed || s.GetExitCode() != 2 {
		t.Errorf("status is %v", s)
	}
	text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id, Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDERR})
	if !strings.Contains(text, "panic: at the disco") {
		t.Errorf("stderr is %q", text)
	}
}

func testDirectory(t *testing.T, d *testkit.Daemon, module string) {
	dir := t.TempDir()
	spec := &reactorv1.WorkloadSpec{
		Module: module,
		Args:   []string{"write", "/data/note", "remember"},
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
			Directory: &reactorv1.DirectoryGrant{HostPath: dir, GuestPath: "/data"},
		}}},
	}
	if s := d.Run(t, spec); s.GetState() != succeeded {
		t.Errorf("status is %v", s)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "note")); err != nil || string(text) != "remember" {
		t.Errorf("the file is %q, %v", text, err)
	}
	spec.Grants[0].GetDirectory().ReadOnly = true
	if s := d.Run(t, spec); s.GetState() != failed || s.GetExitCode() != 1 {
		t.Errorf("with a folder that is read-only, status is %v", s)
	}
	spec.Grants = nil
	if s := d.Run(t, spec); s.GetState() != failed || s.GetExitCode() != 1 {
		t.Errorf("without a grant, status is %v", s)
	}
}

func testDeadline(t *testing.T, d *testkit.Daemon, module string) {
	s := d.Run(t, &reactorv1.WorkloadSpec{
		Module: module,
		Args:   []string{"sleep", "1h"},
		Limits: &reactorv1.Limits{Timeout: durationpb.New(200 * time.Millisecond)},
	})
	if s.GetState() != failed || s.GetReason() != reactorv1.EndReason_END_REASON_DEADLINE {
		t.Errorf("status is %v", s)
	}
}

func testFuel(t *testing.T, d *testkit.Daemon, module string) {
	s := d.Run(t, &reactorv1.WorkloadSpec{
		Module: module,
		Args:   []string{"hello"},
		Limits: &reactorv1.Limits{Fuel: 1000},
	})
	if s.GetState() != failed || s.GetReason() != reactorv1.EndReason_END_REASON_OUT_OF_FUEL {
		t.Errorf("status is %v", s)
	}
}

func testIdempotent(t *testing.T, d *testkit.Daemon, module string) {
	request := &reactorv1.SubmitWorkloadRequest{
		Id:   "once",
		Spec: &reactorv1.WorkloadSpec{Module: module, Args: []string{"hello"}, Labels: map[string]string{"a": "1", "b": "2"}},
	}
	for i := range 3 {
		resp, err := d.Workloads.SubmitWorkload(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if first := i == 0; resp.GetCreated() != first || resp.GetWorkload().GetId() != "once" {
			t.Errorf("submission %d: created %t, id %q", i, resp.GetCreated(), resp.GetWorkload().GetId())
		}
		d.WaitFor(t, "once") // the third comes after the end
	}
	if s := d.Status(t, "once"); s.GetAttempts() != 1 {
		t.Errorf("it ran %d times", s.GetAttempts())
	}
	request.Spec.Args = []string{"hello", "again"}
	_, err := d.Workloads.SubmitWorkload(t.Context(), request)
	if status.Code(err) != codes.AlreadyExists {
		t.Errorf("another spec under the id: %v, want ALREADY_EXISTS", err)
	}
}

func testBatch(t *testing.T, d *testkit.Daemon, module string) {
	good := &reactorv1.WorkloadSpec{Module: module, Args: []string{"hello"}}
	resp, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{
		Requests: []*reactorv1.SubmitWorkloadRequest{
			{Id: "batch-1", Spec: good},
			{Id: "batch-2", Spec: &reactorv1.WorkloadSpec{Module: "no-such-module"}},
			{Id: "batch-1", Spec: good},
			{Id: "batch-3", Spec: &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{{}}}},
			{Spec: good},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		ID      string
		Created bool
		Code    codes.Code
	}
	var got []result
	for _, r := range resp.GetResults() {
		got = append(got, result{r.GetId(), r.GetCreated(), codes.Code(r.GetError().GetCode())})
	}
	want := []result{
		{"batch-1", true, codes.OK},
		{"batch-2", false, codes.NotFound},
		{"batch-1", false, codes.OK},
		{"batch-3", false, codes.InvalidArgument},
		{"", true, codes.OK},
	}
	if len(got) == len(want) && got[4].ID != "" {
		want[4].ID = got[4].ID // of the daemon's making
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func testList(t *testing.T, d *testkit.Daemon, module string) {
	labels := map[string]string{"test": "list"}
	ids := d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"hello"}, Labels: labels}, 7)
	for _, id := range ids {
		d.WaitFor(t, id)
	}
	filter := &reactorv1.WorkloadFilter{
		LabelSelector: "test=list",
		States:        []reactorv1.WorkloadState{succeeded},
		Module:        module,
	}
	var got []string
	for token, pages := "", 0; ; pages++ {
		resp, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{
			Filter: filter, PageSize: 3, PageToken: token,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range resp.GetWorkloads() {
			got = append(got, w.GetId())
		}
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
		if pages > 3 {
			t.Fatal("the pages have no end")
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	filter.States = []reactorv1.WorkloadState{cancelled}
	resp, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{Filter: filter})
	if err != nil || len(resp.GetWorkloads()) != 0 {
		t.Errorf("cancelled ones: %v, %v; want none", resp.GetWorkloads(), err)
	}
}

// Pages of workloads that are large are short enough for a client that takes 4 MiB.
func testListOfLarge(t *testing.T, d *testkit.Daemon, module string) {
	spec := &reactorv1.WorkloadSpec{
		Module: module, Args: []string{"hello"}, Labels: map[string]string{"test": "large"},
		Stdin: make([]byte, 1<<20),
	}
	const count = 9
	for range count {
		d.Submit(t, spec)
	}
	listed := 0
	req := &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{LabelSelector: "test=large"}}
	for {
		resp, err := d.Workloads.ListWorkloads(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		listed += len(resp.GetWorkloads())
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if listed != count {
		t.Errorf("%d were listed, want %d", listed, count)
	}
}

func testCancel(t *testing.T, d *testkit.Daemon, module string) {
	spec := &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "1h"}, Labels: map[string]string{"test": "cancel"}}
	ids := d.SubmitMany(t, spec, 3)
	until(t, "a workload waits", func() bool { return d.Status(t, ids[0]).GetState() == waiting })
	resp, err := d.Workloads.CancelWorkloads(t.Context(), &reactorv1.CancelWorkloadsRequest{Ids: []string{ids[0], "nonesuch"}})
	if err != nil {
		t.Fatal(err)
	}
	results := resp.GetResults()
	if len(results) != 2 || !results[0].GetCancelled() || results[1].GetCancelled() ||
		results[1].GetError().GetReason() != reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND {
		t.Errorf("results are %v", results)
	}
	resp, err = d.Workloads.CancelWorkloads(t.Context(), &reactorv1.CancelWorkloadsRequest{LabelSelector: "test=cancel"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(resp.GetResults()); n != 2 || resp.GetTotal() != 2 || resp.GetCancelled() != 2 {
		t.Errorf("the selector matched %d of %d that had not finished, and %d were cancelled, want 2", n, resp.GetTotal(), resp.GetCancelled())
	}
	for _, id := range ids {
		if s := d.WaitFor(t, id); s.GetState() != cancelled || s.GetReason() != reactorv1.EndReason_END_REASON_CANCELLED {
			t.Errorf("status is %v", s)
		}
	}
}

func testOps(t *testing.T, d *testkit.Daemon, module string) {
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "1h"}})
	defer d.Cancel(t, id)
	until(t, "it waits", func() bool { return d.Status(t, id).GetState() == waiting })
	// A Go program wakes up now and then for what its runtime does in the background.
	until(t, "it waits for its timer alone", func() bool {
		resp, err := d.Workloads.ListOps(t.Context(), &reactorv1.ListOpsRequest{WorkloadId: id})
		if err != nil {
			t.Fatal(err)
		}
		ops := resp.GetOps()
		return len(ops) == 1 && ops[0].GetWorkloadId() == id && ops[0].GetKind() == reactorv1.OpKind_OP_KIND_TIMER &&
			ops[0].GetDeadline().AsTime().Sub(ops[0].GetStartTime().AsTime()) > 50*time.Minute
	})
	until(t, "its status says so", func() bool {
		got := d.Status(t, id).GetWaitingFor()
		return len(got) == 1 && got[0].GetKind() == reactorv1.OpKind_OP_KIND_TIMER
	})
}

func testLogs(t *testing.T, d *testkit.Daemon, module string) {
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"hello", "x"}, Env: map[string]string{"K": "v"}})
	out := "args [\"x\"]\nenv [\"K=v\"]\n"
	for _, tt := range []struct {
		name string
		req  *reactorv1.ReadLogsRequest
		want string
	}{
		{"follow", &reactorv1.ReadLogsRequest{Follow: true}, out + "done\n"},
		{"all", &reactorv1.ReadLogsRequest{}, out + "done\n"},
		{"stdout", &reactorv1.ReadLogsRequest{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDOUT}, out},
		{"stderr", &reactorv1.ReadLogsRequest{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDERR}, "done\n"},
		{"tail", &reactorv1.ReadLogsRequest{TailLines: proto.Uint32(2)}, "env [\"K=v\"]\ndone\n"},
	} {
		tt.req.Id = id
		if got, dropped := d.Logs(t, tt.req); got != tt.want || dropped != 0 {
			t.Errorf("%s: %q, and %d bytes dropped; want %q", tt.name, got, dropped, tt.want)
		}
	}
}

// attachment is a client's side of an attached workload.
type attachment struct {
	t      *testing.T
	stream reactorv1.WorkloadService_AttachWorkloadClient
}

func attach(ctx context.Context, t *testing.T, c testkit.Client, id string) attachment {
	t.Helper()
	stream, err := c.Workloads.AttachWorkload(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Id{Id: id}}); err != nil {
		t.Fatal(err)
	}
	return attachment{t, stream}
}

func (a attachment) send(input string) error {
	return a.stream.Send(&reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Stdin{Stdin: []byte(input)}})
}

// next is the next run of output, or the workload after its end.
func (a attachment) next() (output string, ended *reactorv1.Workload) {
	a.t.Helper()
	resp, err := a.stream.Recv()
	if err != nil {
		a.t.Fatalf("attached: %v", err)
	}
	return string(resp.GetStdout()) + string(resp.GetStderr()), resp.GetEnded()
}

func testAttach(t *testing.T, d *testkit.Daemon, module string) {
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"upper"}, Interactive: true, Stdin: []byte("first\n")})
	a := attach(t.Context(), t, d.Client, id)
	var output string
	for _, line := range []string{"hello\n", "how are you\n"} {
		if err := a.send(line); err != nil {
			t.Fatal(err)
		}
		for !strings.HasSuffix(output, strings.ToUpper(line)) {
			more, _ := a.next()
			output += more
		}
	}
	if err := a.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var ended *reactorv1.Workload
	for ended == nil {
		var more string
		more, ended = a.next()
		output += more
	}
	// What came before the client did is in the log.
	if !strings.HasSuffix(output, "HELLO\nHOW ARE YOU\nbye\n") {
		t.Errorf("output is %q", output)
	}
	if ended.GetStatus().GetState() != succeeded {
		t.Errorf("status is %v", ended.GetStatus())
	}
	if _, err := a.stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v, want EOF", err)
	}
}

// A guest that reads nothing stops who writes to it, after a bounded amount.
func testAttachedInputIsBounded(t *testing.T, d *testkit.Daemon, module string) {
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "1h"}, Interactive: true})
	defer d.Cancel(t, id)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := attach(ctx, t, d.Client, id)
	const bound = 32 << 20
	chunk := strings.Repeat("x", 64<<10)
	var sent atomic.Int64
	var sending sync.WaitGroup
	sending.Go(func() {
		for sent.Load() <= bound && a.send(chunk) == nil {
			sent.Add(int64(len(chunk)))
		}
	})
	last := int64(0)
	for now := int64(-1); now != last; now = sent.Load() { // it is stopped, or slow
		last = sent.Load()
		<-time.After(500 * time.Millisecond)
	}
	cancel()
	sending.Wait()
	if sent.Load() > bound {
		t.Errorf("the daemon took more than %d bytes that nobody reads", bound)
	}
	var err error
	for err == nil {
		_, err = a.stream.Recv()
	}
	if status.Code(err) != codes.Canceled {
		t.Errorf("the stream ended before its time: %v", err)
	}
}

// A guest whose output the client does not read waits, and goes on once it is read.
func testAttachedOutputIsBounded(t *testing.T, d *testkit.Daemon, module string) {
	const size = 64 << 20
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: module, Args: []string{"flood", "64"}, Interactive: true,
		Limits: &reactorv1.Limits{LogBytes: 1 << 10},
	})
	a := attach(t.Context(), t, d.Client, id)
	if err := a.send("go\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "it waits to write", func() bool {
		ops := d.Status(t, id).GetWaitingFor()
		return len(ops) > 0 && ops[0].GetKind() == reactorv1.OpKind_OP_KIND_WRITE
	})
	read := 0
	for {
		output, ended := a.next()
		read += len(output)
		if ended != nil {
			break
		}
	}
	if s := d.WaitFor(t, id); read != size || s.GetState() != succeeded {
		t.Errorf("%d bytes came, want %d: %v", read, size, s)
	}
}
