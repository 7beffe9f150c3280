package demo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// The names that the demo uses.
const (
	sleeperTag  = "demo/sleeper"
	hogTag      = "demo/hog"
	crowdTag    = "demo/crowd"
	roleLabel   = "role"
	sleeperRole = "sleeper"
	hogRole     = "hog"
)

// batchSize is how many workloads one call submits: enough that the calls cost little, few enough that the
// first guests run before the last are submitted.
const batchSize = 500

// statsInterval is how often the statistics come.
const statsInterval = 200 * time.Millisecond

// client is the part of the API that the demo uses.
type client struct {
	guest     guest
	modules   reactorv1.ModuleServiceClient
	workloads reactorv1.WorkloadServiceClient
	node      reactorv1.NodeServiceClient
}

// push uploads a module that fits into one chunk.
func (c *client) push(ctx context.Context, tag string, binary []byte) error {
	stream, err := c.modules.PushModule(ctx)
	if err != nil {
		return err
	}
	header := &reactorv1.PushModuleHeader{
		Digest:    fmt.Sprintf("sha256:%x", sha256.Sum256(binary)),
		SizeBytes: uint64(len(binary)),
		Tag:       tag,
	}
	// A failed Send returns only io.EOF: Recv returns the reason.
	if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Header{Header: header}}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if chunk := binary[min(first.GetOffset(), header.SizeBytes):]; len(chunk) > 0 {
		if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: chunk}}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// submit submits a batch; it fails with the first refusal.
func (c *client) submit(ctx context.Context, batch []*reactorv1.SubmitWorkloadRequest) error {
	resp, err := c.workloads.SubmitWorkloads(ctx, &reactorv1.SubmitWorkloadsRequest{Requests: batch})
	if err != nil {
		return fmt.Errorf("submitting: %w", err)
	}
	for _, r := range resp.GetResults() {
		if e := r.GetError(); e != nil {
			return fmt.Errorf("submitting: refused: %s", e.GetMessage())
		}
	}
	return nil
}

type changeStream = grpc.ServerStreamingClient[reactorv1.WatchWorkloadsResponse]

// watchSleepers opens a watch for the ends of sleepers. When it returns, the watch has begun and misses no
// end after that.
func (c *client) watchSleepers(ctx context.Context) (changeStream, error) {
	stream, err := c.workloads.WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{
		Filter: &reactorv1.WorkloadFilter{
			LabelSelector: roleLabel + "=" + sleeperRole,
			States: []reactorv1.WorkloadState{
				reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED,
				reactorv1.WorkloadState_WORKLOAD_STATE_FAILED,
				reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED,
			},
		},
	})
	if err != nil {
		return nil, err
	}
	_, err = stream.Recv() // says where the watch begins
	return stream, err
}

// followSleepers counts the ends of sleepers until all have ended.
func followSleepers(changes changeStream, t *tally) error {
	for {
		change, err := changes.Recv()
		if err != nil {
			return err
		}
		if w := change.GetWorkload(); w != nil && t.addEnd(w) {
			return nil
		}
	}
}

// followStats passes on statistics until ctx ends.
func (c *client) followStats(ctx context.Context, t *tally, p *progress) error {
	stream, err := c.node.WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: durationpb.New(statsInterval)})
	if err != nil {
		return err
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		t.addStats(resp.GetStats())
		p.show()
	}
}

// endHogs cancels the hogs and returns their time on workers.
func (c *client) endHogs(ctx context.Context) (time.Duration, error) {
	resp, err := c.workloads.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{LabelSelector: roleLabel + "=" + hogRole})
	if err != nil {
		return 0, err
	}
	var cpu time.Duration
	for _, r := range resp.GetResults() {
		if e := r.GetError(); e != nil {
			return 0, fmt.Errorf("cancelling a hog: %s", e.GetMessage())
		}
		ended, err := c.workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: r.GetId()})
		if err != nil {
			return 0, err
		}
		cpu += ended.GetWorkload().GetStatus().GetUsage().GetCpuTime().AsDuration()
	}
	return cpu, nil
}
