package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
	"github.com/reactord/reactord/examples"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
)

// Options say what to run and where to report.
type Options struct {
	Guest    string    // one of GuestNames
	Count    int       // of sleepers; DefaultCount has what is usual
	Output   string    // "table" or "json"
	Version  string    // of the daemon
	Out      io.Writer // the report
	Progress io.Writer // where progress is shown
}

// How the sleepers sleep. All of them must still be waiting when the last has started, so more sleepers
// sleep longer.
const (
	rounds      = 6
	leastLife   = 3 * time.Second
	lifePerNode = 500 * time.Microsecond // of a sleeper, for each sleeper there is
)

// stopTime bounds the daemon's stop.
const stopTime = 10 * time.Second

// errFailures is returned when the report shows guests that failed.
var errFailures = errors.New("not every guest succeeded")

// Run runs the demo. Its error is nil only if all guests succeeded.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "reactord-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	d, err := daemon.Start(ctx, config.Config{
		Listen: []config.Address{{Network: "unix", Addr: filepath.Join(dir, "s")}},
		Reactor: reactor.Config{
			DataDir:     filepath.Join(dir, "data"),
			Version:     o.Version,
			GracePeriod: -1,
		},
	}, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err = errors.Join(err, d.Stop(stop))
	}()

	report, err := drive(ctx, d.Addresses()[0].String(), o)
	if err != nil {
		return err
	}
	if err := o.print(report); err != nil {
		return err
	}
	if report.Succeeded != report.Workloads || report.Crowd != nil && report.Crowd.Returned != report.Crowd.Calls {
		return errFailures
	}
	return nil
}

func (o Options) print(r *report) error {
	if o.Output == outputJSON {
		return json.NewEncoder(o.Out).Encode(r)
	}
	s := screen.New(o.Out, os.Getenv)
	return s.Print(r.lines(s.Width())...)
}

func (o Options) validate() error {
	var faults []error
	if _, err := guestOf(o.Guest); err != nil {
		faults = append(faults, err)
	}
	if o.Count < 1 {
		faults = append(faults, fmt.Errorf("--count: %d is too small: at least 1", o.Count))
	}
	if o.Output != outputTable && o.Output != outputJSON {
		faults = append(faults, fmt.Errorf("--output: %q is neither table nor json", o.Output))
	}
	return errors.Join(faults...)
}

// drive runs the guests in the daemon at address.
func drive(ctx context.Context, address string, o Options) (*report, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	g, err := guestOf(o.Guest)
	if err != nil {
		return nil, err
	}
	c := &client{
		guest:     g,
		modules:   reactorv1.NewModuleServiceClient(conn),
		workloads: reactorv1.NewWorkloadServiceClient(conn),
		node:      reactorv1.NewNodeServiceClient(conn),
	}
	node, err := c.node.GetNode(ctx, &reactorv1.GetNodeRequest{})
	if err != nil {
		return nil, err
	}
	workers := int(node.GetNode().GetWorkers())
	t := newTally(o.Count, workers)
	if err := c.warmUp(ctx); err != nil {
		return nil, err
	}
	p := newProgress(screen.New(o.Progress, os.Getenv), t)
	crowd, err := c.crowd(ctx, o.Count, p)
	if err != nil {
		return nil, err
	}
	r, err := c.run(ctx, t, p)
	if err == nil {
		r.Crowd = crowd
	}
	return r, err
}

// warmUp pushes the modules and runs each once, so that their compilation and first instance are not
// counted as the cost of the others.
func (c *client) warmUp(ctx context.Context) error {
	for tag, binary := range map[string][]byte{sleeperTag: c.guest.binary, hogTag: examples.Hog} {
		if err := c.push(ctx, tag, binary); err != nil {
			return fmt.Errorf("pushing %s: %w", tag, err)
		}
	}
	const id = "warm-up"
	if err := c.submit(ctx, []*reactorv1.SubmitWorkloadRequest{{Id: id, Spec: c.guest.sleeper(1, 10*time.Millisecond)}}); err != nil {
		return err
	}
	_, err := c.workloads.WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: id})
	return err
}

// run submits hogs and sleepers, waits for the sleepers, and ends the hogs.
func (c *client) run(ctx context.Context, t *tally, p *progress) (*report, error) {
	before, err := c.node.GetStats(ctx, &reactorv1.GetStatsRequest{})
	if err != nil {
		return nil, err
	}
	t.begin(before.GetStats())
	if err := c.runSleepers(ctx, t, p); err != nil {
		return nil, err
	}
	after, err := c.node.GetStats(ctx, &reactorv1.GetStatsRequest{})
	if err != nil {
		return nil, err
	}
	t.addStats(after.GetStats())
	p.end()
	hogs, err := c.endHogs(ctx)
	if err != nil {
		return nil, err
	}
	return t.report(after.GetStats(), hogs), nil
}

// runSleepers submits everything and returns when all sleepers have ended, or when one of the streams it
// follows has failed.
func (c *client) runSleepers(ctx context.Context, t *tally, p *progress) error {
	ctx, stop := context.WithCancelCause(ctx)
	var followers sync.WaitGroup
	defer followers.Wait()
	defer stop(nil)
	changes, err := c.watchSleepers(ctx)
	if err != nil {
		return err
	}
	follow := func(stream func() error) {
		followers.Go(func() {
			if err := stream(); err != nil {
				stop(err)
			}
		})
	}
	follow(func() error { return followSleepers(changes, t) })
	follow(func() error { return c.followStats(ctx, t, p) })

	if err := c.submitAll(ctx, t); err != nil {
		return causeOf(ctx, err)
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// submitAll submits the hogs, then the sleepers in batches.
func (c *client) submitAll(ctx context.Context, t *tally) error {
	hogs := make([]*reactorv1.SubmitWorkloadRequest, 2*t.workers)
	for i := range hogs {
		hogs[i] = &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
			Module: hogTag, Name: "hog", Labels: map[string]string{roleLabel: hogRole},
		}}
	}
	if err := c.submit(ctx, hogs); err != nil {
		return err
	}
	life := leastLife + time.Duration(t.count)*lifePerNode
	for left := t.count; left > 0; {
		batch := make([]*reactorv1.SubmitWorkloadRequest, min(left, batchSize))
		for i := range batch {
			spec := c.guest.sleeper(rounds, life/rounds)
			spec.Labels = map[string]string{roleLabel: sleeperRole}
			batch[i] = &reactorv1.SubmitWorkloadRequest{Spec: spec}
		}
		if err := c.submit(ctx, batch); err != nil {
			return err
		}
		left -= len(batch)
		t.addSubmitted(len(batch))
	}
	return nil
}

// causeOf returns why ctx ended, if it did, else err.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
