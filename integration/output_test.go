package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const deliver = reactorv1.OutputMode_OUTPUT_MODE_DELIVER

// taken is what a client got of an attachment.
type taken struct {
	text    []byte
	next    uint64 // the position after it
	attempt uint32
	missing uint64
	ended   *reactorv1.Workload
}

// attachAt attaches to a workload's output.
func attachAt(ctx context.Context, t *testing.T, c testkit.Client, start *reactorv1.AttachWorkloadStart) reactorv1.WorkloadService_AttachWorkloadClient {
	t.Helper()
	stream, err := c.Workloads.AttachWorkload(ctx)
	if err != nil {
		t.Fatal(err)
	}
	part := &reactorv1.AttachWorkloadRequest_Start{Start: start}
	if err := stream.Send(&reactorv1.AttachWorkloadRequest{Part: part}); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return stream
}

// take takes output until there are so many bytes, or the workload has ended. It checks that positions are consecutive.
func (g *taken) take(t *testing.T, stream reactorv1.WorkloadService_AttachWorkloadClient, least int) error {
	t.Helper()
	for len(g.text) < least {
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		if at := g.next + r.GetMissingBytes(); r.GetOffset() != at {
			t.Fatalf("%d bytes of output at %d, want %d", len(r.GetStdout()), r.GetOffset(), at)
		}
		g.missing += r.GetMissingBytes()
		g.text = append(append(g.text, r.GetStdout()...), r.GetStderr()...)
		g.next, g.attempt = r.GetOffset()+uint64(len(r.GetStdout())+len(r.GetStderr())), r.GetAttempt()
		if g.ended = r.GetEnded(); g.ended != nil {
			return nil
		}
	}
	return nil
}

// numbers is what the tool's lines writes.
func numbers(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d of the output, which is as long as lines are\n", i)
	}
	return b.Bytes()
}

func printer(module string, lines int) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{Module: module, Args: []string{"lines", strconv.Itoa(lines)}}
}

// A client gets all of the output of a guest that ends at once, and its end, whether it attaches before or after.
func TestAttachToQuickGuest(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	for i := range 30 {
		spec := &reactorv1.WorkloadSpec{Module: module, Args: []string{"lines", "2"}}
		if i%2 == 0 {
			spec.OutputMode = deliver
		} else {
			spec.Interactive = true
		}
		id := d.Submit(t, spec)
		if i%3 == 0 {
			d.WaitFor(t, id)
		}
		var got taken
		if err := got.take(t, attachAt(t.Context(), t, d.Client, &reactorv1.AttachWorkloadStart{Id: id}), 1<<20); err != nil {
			t.Fatal(err)
		}
		if want := numbers(2); !bytes.Equal(got.text, want) || got.ended.GetStatus().GetState() != succeeded || got.next != uint64(len(want)) {
			t.Fatalf("try %d: %q, %v", i, got.text, got.ended)
		}
	}
}

// Five times as much output as the log keeps arrives whole at a client that comes late and whose connection breaks, and
// the guest waits for it.
func TestDeliveredOutput(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	const lines = 100_000
	want := numbers(lines)
	spec := printer(d.Push(t, tool(t)), lines)
	spec.OutputMode = deliver
	id := d.Submit(t, spec)
	until(t, "it waits for a client", func() bool { return d.Status(t, id).GetState() == waiting })
	var got taken
	part := func(drop bool, least int) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		start := &reactorv1.AttachWorkloadStart{Id: id, Offset: got.next, Attempt: got.attempt, Client: "test"}
		if err := got.take(t, attachAt(ctx, t, d.Client, start), least); err != nil {
			t.Fatal(err)
		}
		if drop {
			cancel()
		}
	}
	part(true, len(want)/5)
	part(false, len(want)/3) // it seems to be there for good: the next takes its place
	part(true, len(want)/2)
	part(true, 1<<30)
	if !bytes.Equal(got.text, want) || got.missing != 0 || got.next != uint64(len(want)) {
		t.Errorf("%d bytes came, with %d missing, up to %d; want %d", len(got.text), got.missing, got.next, len(want))
	}
	if s := got.ended.GetStatus(); s.GetState() != succeeded {
		t.Errorf("it ended so: %v", s)
	}
}

// The log keeps the beginning and the newest, and says where how much is missing.
func TestKeptOutput(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	const lines, limit = 100_000, 100_000
	want := numbers(lines)
	spec := printer(d.Push(t, tool(t)), lines)
	spec.Limits = &reactorv1.Limits{LogBytes: limit}
	id := d.Submit(t, spec)
	if u := d.WaitFor(t, id).GetUsage(); u.GetLogBytes() != uint64(len(want)) || u.GetLogBytesDropped() != uint64(len(want)-limit) {
		t.Errorf("usage %v, of %d bytes", u, len(want))
	}
	head := limit / 16
	kept := append(bytes.Clone(want[:head]), want[len(want)-limit+head:]...)
	check := func(name string, req *reactorv1.ReadLogsRequest, want []byte, missing int) {
		t.Helper()
		req.Id = id
		stream, err := d.Workloads.ReadLogs(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		lost := uint64(0)
		for {
			r, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(r.GetData()) > 0 && r.GetAttempt() != 1 {
				t.Errorf("%s: attempt %d", name, r.GetAttempt())
			}
			text, lost = append(text, r.GetData()...), lost+r.GetMissingBytes()
		}
		if !bytes.Equal(text, want) || lost != uint64(missing) {
			t.Errorf("%s: %d bytes, want %d; %d are missing, want %d", name, len(text), len(want), lost, missing)
		}
	}
	all := len(want) - limit
	check("all", &reactorv1.ReadLogsRequest{}, kept, all)
	check("follow", &reactorv1.ReadLogsRequest{Follow: true}, kept, all)
	check("stdout", &reactorv1.ReadLogsRequest{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDOUT}, kept, all)
	check("stderr", &reactorv1.ReadLogsRequest{Stream: reactorv1.OutputStream_OUTPUT_STREAM_STDERR}, nil, all)
	check("from a position in the cut", &reactorv1.ReadLogsRequest{Offset: uint64(head + 1000)}, kept[head:], all-1000)
	check("from a position behind it", &reactorv1.ReadLogsRequest{Offset: uint64(len(want) - 10)}, want[len(want)-10:], 0)
	check("from behind the end", &reactorv1.ReadLogsRequest{Offset: uint64(len(want) + 10)}, nil, 0)
	ten := uint32(10)
	check("tail", &reactorv1.ReadLogsRequest{TailLines: &ten}, bytes.Join(bytes.SplitAfter(want, []byte("\n"))[lines-10:], nil), 0)

	var got taken
	if err := got.take(t, attachAt(t.Context(), t, d.Client, &reactorv1.AttachWorkloadStart{Id: id}), 1<<30); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.text, kept) || got.missing != uint64(all) || got.ended == nil {
		t.Errorf("attached afterwards: %d bytes, %d missing", len(got.text), got.missing)
	}
}

// A reader that was cut off when the daemon was killed goes on with the next attempt, from its first byte on.
func TestResumeAfterCrash(t *testing.T) {
	dir := testkit.DataDir(t, tool(t))
	d := testkit.Start(t, dir)
	spec := &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"lines", "3", "and", "wait"}, OutputMode: deliver}
	id := d.Submit(t, spec)
	want := numbers(3)
	var got taken
	if err := got.take(t, attachAt(t.Context(), t, d.Client, &reactorv1.AttachWorkloadStart{Id: id}), len(want)); err != nil {
		t.Fatal(err)
	}
	// A start is held back for some milliseconds, but not beyond the end of a workload that came later than that.
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
		d.Run(t, printer(spec.GetModule(), 1))
	}
	d.Run(t, printer(spec.GetModule(), 1))
	d.Kill() // perhaps before the output was stored

	d = testkit.Start(t, dir)
	again := taken{}
	stream := attachAt(t.Context(), t, d.Client, &reactorv1.AttachWorkloadStart{Id: id, Offset: got.next, Attempt: got.attempt})
	first, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	again.text, again.next = first.GetStdout(), first.GetOffset()+uint64(len(first.GetStdout()))
	if first.GetAttempt() != 2 || first.GetOffset() > got.next {
		t.Errorf("the next attempt is %d, and begins at %d, after %d", first.GetAttempt(), first.GetOffset(), got.next)
	}
	if err := again.take(t, stream, len(want)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.text, want) {
		t.Errorf("the next attempt wrote %q", again.text)
	}
	d.Cancel(t, id)
	d.Stop()
}

// What a client says first is checked, and what it may not do is refused.
func TestAttachStart(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	plain := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "1h"}})
	delivered := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "1h"}, OutputMode: deliver})
	first := attachAt(t.Context(), t, d.Client, &reactorv1.AttachWorkloadStart{Id: delivered})
	var got taken
	if err := got.take(t, first, 1); err != nil { // now it is attached
		t.Fatal(err)
	}
	notInput := refusal{codes.FailedPrecondition, "WORKLOAD_NOT_INTERACTIVE", "takes no input", ""}
	for _, tc := range []struct {
		start *reactorv1.AttachWorkloadStart
		want  refusal
	}{
		{&reactorv1.AttachWorkloadStart{Id: delivered, Client: strings.Repeat("x", 129)}, refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "start.client"}},
		{&reactorv1.AttachWorkloadStart{Id: delivered, Offset: 1 << 63}, refusal{codes.InvalidArgument, "INVALID_ARGUMENT", "", "start.offset"}},
		{&reactorv1.AttachWorkloadStart{Id: "nothing"}, refusal{codes.NotFound, "WORKLOAD_NOT_FOUND", "nothing", ""}},
		{&reactorv1.AttachWorkloadStart{Id: plain}, refusal{codes.FailedPrecondition, "WORKLOAD_NOT_INTERACTIVE", plain, ""}},
		{&reactorv1.AttachWorkloadStart{Id: delivered, Client: "another"}, refusal{codes.FailedPrecondition, "WORKLOAD_ATTACHED", delivered, ""}},
	} {
		_, err := attachAt(t.Context(), t, d.Client, tc.start).Recv()
		tc.want.check(t, err)
	}
	if err := first.Send(&reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Stdin{Stdin: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	_, err := first.Recv()
	notInput.check(t, err)
	d.Cancel(t, plain, delivered)
}
