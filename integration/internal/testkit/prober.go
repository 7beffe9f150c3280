package testkit

import (
	"context"
	"slices"
	"testing"
	"time"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// probeInterval is the time between two calls of a prober.
const probeInterval = 10 * time.Millisecond

// Probe makes one small call of the API after another while body runs, and returns how long they took, in ascending
// order.
func (c Client) Probe(t testing.TB, body func()) []time.Duration {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type outcome struct {
		took []time.Duration
		err  error
	}
	result := make(chan outcome, 1)
	go func() {
		var o outcome
		o.took, o.err = c.probe(ctx)
		result <- o
	}()
	body()
	stop()
	o := <-result
	if o.err != nil {
		t.Errorf("the API meanwhile: %v", o.err)
	}
	slices.Sort(o.took)
	return o.took
}

// probe makes calls until ctx ends.
func (c Client) probe(ctx context.Context) (took []time.Duration, err error) {
	ask := []func() error{
		func() error { _, err := c.Node.GetNode(ctx, &reactorv1.GetNodeRequest{}); return err },
		func() error {
			_, err := c.Workloads.ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{PageSize: 10})
			return err
		},
		func() error { _, err := c.Workloads.ListOps(ctx, &reactorv1.ListOpsRequest{PageSize: 10}); return err },
	}
	ticks := time.NewTicker(probeInterval)
	defer ticks.Stop()
	for i := 0; ; i++ {
		start := time.Now()
		err := ask[i%len(ask)]()
		if ctx.Err() != nil {
			return took, nil
		}
		if err != nil {
			return took, err
		}
		took = append(took, time.Since(start))
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return took, nil
		}
	}
}

// Quantile returns the q-th quantile of ascending values.
func Quantile(ascending []time.Duration, q float64) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	return ascending[int(q*float64(len(ascending)-1))]
}
