package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// crowdReport is what became of many calls that wait in one instance.
type crowdReport struct {
	Calls              int     `json:"calls"`
	Returned           int     `json:"returned"`
	WaitingPeak        uint64  `json:"waitingPeak"`
	RSSPerWaitingBytes uint64  `json:"rssPerWaitingBytes"`
	DurationSeconds    float64 `json:"durationSeconds"`
}

const (
	// maxCrowd is how many calls one instance makes at most. It has two handles for each, and may have 262,144.
	maxCrowd = 100_000
	// crowdMemory is the memory limit of a crowd.
	crowdMemory = 512 << 20
	// leastNap and napPerCall are how long a call of a crowd sleeps: the first one until the last has begun, and has been counted.
	leastNap   = 4 * time.Second
	napPerCall = 40 * time.Microsecond
	// settleTime bounds how long the daemon gives back what the calls took, before the sleepers are counted.
	settleTime = 10 * time.Second
)

// crowd has one instance make as many calls as there will be sleepers, and tells how that went; nil if the guest has no calls.
func (c *client) crowd(ctx context.Context, count int, p *progress) (*crowdReport, error) {
	if c.guest.crowd == nil {
		return nil, nil
	}
	binary, err := c.guest.crowd()
	if err != nil {
		return nil, err
	}
	if err := c.push(ctx, crowdTag, binary); err != nil {
		return nil, fmt.Errorf("pushing %s: %w", crowdTag, err)
	}
	if _, err := c.runCrowd(ctx, 1, time.Millisecond, p); err != nil { // as warmUp does
		return nil, err
	}
	count = min(count, maxCrowd)
	report, err := c.runCrowd(ctx, count, leastNap+time.Duration(count)*napPerCall, p)
	if err != nil {
		return nil, err
	}
	return report, c.settle(ctx)
}

// runCrowd makes so many calls in one workload.
func (c *client) runCrowd(ctx context.Context, calls int, nap time.Duration, p *progress) (*crowdReport, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	before, err := c.stats(ctx)
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("crowd-%d", calls)
	start := time.Now()
	spec := &reactorv1.WorkloadSpec{
		Module: crowdTag, Name: "crowd", Limits: &reactorv1.Limits{MemoryBytes: crowdMemory},
		Call: &reactorv1.FunctionCall{Export: "crowd", Args: wholes(calls, 1, int(nap.Milliseconds()))},
	}
	if err := c.submit(ctx, []*reactorv1.SubmitWorkloadRequest{{Id: id, Spec: spec}}); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	var last *reactorv1.WaitWorkloadResponse
	go func() {
		var err error
		last, err = c.workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: id})
		ended <- err
	}()
	r := &crowdReport{Calls: calls}
	var least uint64 // resident memory while all of them wait
	defer p.live.Keep()
	for tick := time.NewTicker(statsInterval); ; {
		select {
		case err := <-ended:
			tick.Stop()
			if err != nil {
				return nil, err
			}
			r.DurationSeconds = time.Since(start).Seconds()
			r.Returned = int(last.GetWorkload().GetStatus().GetResult().GetUint())
			if least > before.GetResidentBytes() {
				r.RSSPerWaitingBytes = (least - before.GetResidentBytes()) / uint64(calls)
			}
			return r, nil
		case <-tick.C:
			now, err := c.lookAtCrowd(ctx, r)
			if err != nil {
				return nil, err
			}
			if bytes := now.GetResidentBytes(); r.WaitingPeak == uint64(calls) && (least == 0 || bytes < least) {
				least = bytes
			}
			p.showLine(func() screen.Line { return r.line(time.Since(start), now) })
		}
	}
}

// line is the progress: what is known of the calls, and the latest statistics.
func (r *crowdReport) line(elapsed time.Duration, now *reactorv1.Stats) screen.Line {
	return screen.Text(fmt.Sprintf("%5.1f s  %s calls in one instance  waiting %s  memory %s", elapsed.Seconds(),
		humanize.Comma(int64(r.Calls)), humanize.Comma(int64(r.WaitingPeak)), quantity.HumanSize(now.GetResidentBytes())))
}

// lookAtCrowd reads the statistics, and counts the calls that wait until all of them do.
func (c *client) lookAtCrowd(ctx context.Context, r *crowdReport) (*reactorv1.Stats, error) {
	if r.WaitingPeak < uint64(r.Calls) {
		summary, err := c.workloads.SummarizeOps(ctx, &reactorv1.SummarizeOpsRequest{
			Filter: &reactorv1.OpFilter{Kinds: []reactorv1.OpKind{reactorv1.OpKind_OP_KIND_TIMER}},
		})
		if err != nil {
			return nil, err
		}
		for _, g := range summary.GetGroups() {
			r.WaitingPeak = max(r.WaitingPeak, g.GetCount())
		}
	}
	return c.stats(ctx)
}

// settle waits until the daemon has given back memory that it does not need any more.
func (c *client) settle(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, settleTime)
	defer stop()
	stream, err := c.node.WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: durationpb.New(time.Second)})
	if err != nil {
		return err
	}
	for least := uint64(0); ; {
		resp, err := stream.Recv()
		if ctx.Err() != nil {
			return nil // long enough
		}
		if err != nil {
			return err
		}
		bytes := resp.GetStats().GetResidentBytes()
		if least > 0 && bytes >= least-least/100 {
			return nil
		}
		least = bytes
	}
}

// stats reads the statistics.
func (c *client) stats(ctx context.Context) (*reactorv1.Stats, error) {
	resp, err := c.node.GetStats(ctx, &reactorv1.GetStatsRequest{})
	return resp.GetStats(), err
}
