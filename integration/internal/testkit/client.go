package testkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Client is the API, with helpers for tests.
type Client struct {
	Modules   reactorv1.ModuleServiceClient
	Workloads reactorv1.WorkloadServiceClient
	Node      reactorv1.NodeServiceClient
	Health    healthv1.HealthClient
}

func newClient(conn grpc.ClientConnInterface) Client {
	return Client{
		Modules:   reactorv1.NewModuleServiceClient(conn),
		Workloads: reactorv1.NewWorkloadServiceClient(conn),
		Node:      reactorv1.NewNodeServiceClient(conn),
		Health:    healthv1.NewHealthClient(conn),
	}
}

// Digest returns the name of a module.
func Digest(binary []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(binary)) }

// TryPush pushes a module as the API asks for.
func (c Client) TryPush(ctx context.Context, binary []byte, tag string) (*reactorv1.PushModuleResult, error) {
	return c.PushAs(ctx, &reactorv1.PushModuleHeader{
		Digest:    Digest(binary),
		SizeBytes: uint64(len(binary)),
		Tag:       tag,
	}, binary)
}

// PushAs pushes binary with any header, true or not.
func (c Client) PushAs(ctx context.Context, header *reactorv1.PushModuleHeader, binary []byte) (*reactorv1.PushModuleResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Modules.PushModule(ctx)
	if err != nil {
		return nil, err
	}
	send := func(req *reactorv1.PushModuleRequest) error {
		if err := stream.Send(req); err != nil && !errors.Is(err, io.EOF) { // EOF: Recv has the reason
			return err
		}
		return nil
	}
	if err := send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Header{Header: header}}); err != nil {
		return nil, err
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	chunk := make([]byte, 1<<20)
	for rest := bytes.NewReader(binary[first.GetOffset():]); rest.Len() > 0; {
		n, _ := rest.Read(chunk)
		if err := send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: chunk[:n]}}); err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	last, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	return last.GetResult(), nil
}

// Push pushes a module and returns its digest.
func (c Client) Push(t testing.TB, binary []byte) string {
	t.Helper()
	result, err := c.TryPush(t.Context(), binary, "")
	if err != nil {
		t.Fatalf("pushing: %v", err)
	}
	return result.GetModule().GetDigest()
}

// Submit submits a workload and returns the id that the server made.
func (c Client) Submit(t testing.TB, spec *reactorv1.WorkloadSpec) string {
	t.Helper()
	resp, err := c.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
	if err != nil {
		t.Fatalf("submitting: %v", err)
	}
	return resp.GetWorkload().GetId()
}

// SubmitMany submits count workloads of one spec and returns their ids.
func (c Client) SubmitMany(t testing.TB, spec *reactorv1.WorkloadSpec, count int) []string {
	t.Helper()
	requests := make([]*reactorv1.SubmitWorkloadRequest, count)
	for i := range requests {
		requests[i] = &reactorv1.SubmitWorkloadRequest{Spec: spec}
	}
	resp, err := c.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{Requests: requests})
	if err != nil {
		t.Fatalf("submitting %d: %v", count, err)
	}
	ids := make([]string, count)
	for i, r := range resp.GetResults() {
		if e := r.GetError(); e != nil {
			t.Fatalf("submitting: %v", e)
		}
		ids[i] = r.GetId()
	}
	return ids
}

// WaitFor waits for the end of a workload and returns its status.
func (c Client) WaitFor(t testing.TB, id string) *reactorv1.WorkloadStatus {
	t.Helper()
	resp, err := c.Workloads.WaitWorkload(t.Context(), &reactorv1.WaitWorkloadRequest{Id: id})
	if err != nil {
		t.Fatalf("waiting for %s: %v", id, err)
	}
	return resp.GetWorkload().GetStatus()
}

// Run submits a workload and waits for its end.
func (c Client) Run(t testing.TB, spec *reactorv1.WorkloadSpec) *reactorv1.WorkloadStatus {
	t.Helper()
	return c.WaitFor(t, c.Submit(t, spec))
}

// Status returns the current status of a workload.
func (c Client) Status(t testing.TB, id string) *reactorv1.WorkloadStatus {
	t.Helper()
	resp, err := c.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: id})
	if err != nil {
		t.Fatalf("getting %s: %v", id, err)
	}
	return resp.GetWorkload().GetStatus()
}

// Cancel cancels workloads, all of which must be unfinished.
func (c Client) Cancel(t testing.TB, ids ...string) {
	t.Helper()
	resp, err := c.Workloads.CancelWorkloads(t.Context(), &reactorv1.CancelWorkloadsRequest{Ids: ids})
	if err != nil {
		t.Fatalf("cancelling: %v", err)
	}
	for _, r := range resp.GetResults() {
		if !r.GetCancelled() {
			t.Errorf("%s was not cancelled: %v", r.GetId(), r.GetError())
		}
	}
}

// Logs returns what a workload wrote to a stream, and how many bytes of it were not kept.
func (c Client) Logs(t testing.TB, req *reactorv1.ReadLogsRequest) (text string, dropped uint64) {
	t.Helper()
	stream, err := c.Workloads.ReadLogs(t.Context(), req)
	if err != nil {
		t.Fatalf("reading the log of %s: %v", req.GetId(), err)
	}
	var b bytes.Buffer
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return b.String(), dropped
		}
		if err != nil {
			t.Fatalf("reading the log of %s: %v", req.GetId(), err)
		}
		b.Write(resp.GetData())
		dropped = max(dropped, resp.GetDroppedBytes())
	}
}

// Stats returns the daemon's statistics.
func (c Client) Stats(t testing.TB) *reactorv1.Stats {
	t.Helper()
	resp, err := c.Node.GetStats(t.Context(), &reactorv1.GetStatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetStats()
}
