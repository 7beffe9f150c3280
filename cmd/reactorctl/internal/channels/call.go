package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/internal/notify"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Call is a call of a function with streams and futures.
type Call struct {
	Client  reactorv1.WorkloadServiceClient
	Spec    *reactorv1.WorkloadSpec // with the call, whose arguments are Args
	Func    *types.Func
	Args    []value.Value
	Sources *Sources
	Printer Printer
}

// Printer prints what comes from the daemon, in order: everything but windows and stops. The last is ended.
type Printer interface {
	Print(m *reactorv1.CallResponse) error
}

// grace is how long a call that was given up has to end, and then the printer to print what has come.
const grace, printGrace = 5 * time.Second, time.Second

// Run makes the call, and returns how it has ended. If ctx ends, or a source or the printer fails, it cancels the call, waits for its
// end and returns the cause.
func (c *Call) Run(ctx context.Context) (*reactorv1.CallFunctionResponse, error) {
	all, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stream, err := c.Client.Call(all)
	if err != nil {
		return nil, err
	}
	r := &running{
		stream: stream, sources: c.Sources, printer: c.Printer, rooms: map[uint32]*room{}, arrived: notify.NewSignal(),
		gaveUp: make(chan error, 1), received: make(chan struct{}), printed: make(chan struct{}),
	}
	for i := range c.Sources.list { // they may be stopped as soon as they are named
		r.rooms[uint32(i+1)] = newRoom() //nolint:gosec // as many as there are arguments
	}
	r.send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{Spec: c.Spec}}})
	go r.receive()
	go r.print()
	for i := range c.Args {
		r.begin(all, c.Func.Params[i].Type, &c.Args[i])
	}
	select {
	case <-r.printed:
		if r.unprinted == nil {
			return r.ended, r.failed
		}
		err = r.unprinted
	case err = <-r.gaveUp:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	r.send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Cancel{Cancel: &reactorv1.CallCancel{}}})
	waitFor(r.received, grace)
	waitFor(r.printed, printGrace)
	return nil, err
}

func waitFor(done <-chan struct{}, most time.Duration) {
	select {
	case <-done:
	case <-time.After(most):
	}
}

// running is a call that was begun.
type running struct {
	stream  grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse]
	sources *Sources
	printer Printer
	arrived notify.Signal
	gaveUp  chan error // has the first reason to end the call that is not the daemon's

	received  chan struct{} // closed when nothing comes any more; then ended or failed is set
	ended     *reactorv1.CallFunctionResponse
	failed    error
	printed   chan struct{} // closed when the printer has all of it, or has failed: then unprinted is set
	unprinted error

	sending sync.Mutex
	rooms   map[uint32]*room // of the sources, by the numbers of their channels

	mu    sync.Mutex
	queue []*reactorv1.CallResponse // that are to be printed
}

// send sends a part. If the stream has ended, the receiver knows why.
func (r *running) send(m *reactorv1.CallRequest) {
	r.sending.Lock()
	defer r.sending.Unlock()
	_ = r.stream.Send(m)
}

// giveUp notes why the call is to end.
func (r *running) giveUp(err error) {
	select {
	case r.gaveUp <- err:
	default:
	}
}

// receive takes what comes, and never waits for the printer.
func (r *running) receive() {
	defer r.arrived.Set()
	defer close(r.received)
	for {
		m, err := r.stream.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.failed = err
			} else if r.ended == nil {
				r.failed = errors.New("the daemon has not said how the call ended")
			}
			return
		}
		switch part := m.GetPart().(type) {
		case *reactorv1.CallResponse_Window:
			if room := r.rooms[part.Window.GetChannel()]; room != nil {
				room.add(int(part.Window.GetItems()), int(part.Window.GetBytes())) //nolint:gosec // what was sent before
			}
			continue
		case *reactorv1.CallResponse_Stop:
			if room := r.rooms[part.Stop.GetChannel()]; room != nil {
				room.stop()
			}
			continue
		case *reactorv1.CallResponse_Ended:
			r.ended = part.Ended
		}
		r.mu.Lock()
		r.queue = append(r.queue, m)
		r.mu.Unlock()
		r.arrived.Set()
	}
}

// print prints what has come, and lets as much come again.
func (r *running) print() {
	defer close(r.printed)
	for over := false; ; {
		r.mu.Lock()
		queue := r.queue
		r.queue = nil
		r.mu.Unlock()
		for _, m := range queue {
			if err := r.printer.Print(m); err != nil {
				r.unprinted = err
				return
			}
			if items := m.GetItems(); items != nil && !items.GetEnd() {
				r.grant(items)
			}
		}
		switch {
		case len(queue) > 0:
		case over:
			return
		default:
			select {
			case <-r.arrived:
			case <-r.received:
				over = true
			}
		}
	}
}

// grant lets the daemon send as much as was printed.
func (r *running) grant(items *reactorv1.CallItems) {
	window := &reactorv1.CallWindow{Channel: items.GetChannel(), Items: uint64(len(items.GetValues()) + len(items.GetBytes())), Bytes: uint64(len(items.GetBytes()))}
	for _, v := range items.GetValues() {
		if literal, ok := values.Literal(v); ok {
			window.Bytes += uint64(literal.Size()) //nolint:gosec // not negative
		}
	}
	r.send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Window{Window: window}})
}

// errType says that what came is not of the type of the function.
func errType(what string, faults []value.Fault) error {
	return fmt.Errorf("%s is not of the type that the function has: %w", what, &faults[0])
}
