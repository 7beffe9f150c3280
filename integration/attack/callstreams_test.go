package attack

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// caller makes calls of functions with streams.
type caller struct {
	testkit.Client
	module string
}

func newCaller(t *testing.T, d *testkit.Daemon) caller {
	t.Helper()
	binary, err := os.ReadFile("../testdata/components/flow.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return caller{d.Client, d.Push(t, binary)}
}

type callStream = grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse]

func channelValue(id uint32) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Channel{Channel: id}}
}

func number(n uint64) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: n}}
}

// open begins a call.
func (c caller) open(ctx context.Context, export string, args ...*reactorv1.Value) (callStream, error) {
	stream, err := c.Workloads.Call(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{
		Spec: &reactorv1.WorkloadSpec{Module: c.module, Call: &reactorv1.FunctionCall{Export: export, Args: args}},
	}}})
	if errors.Is(err, io.EOF) { // Recv tells why
		err = nil
	}
	return stream, err
}

func bytesOf(id uint32, n int) *reactorv1.CallRequest {
	return &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Items{Items: &reactorv1.CallItems{Channel: id, Bytes: make([]byte, n)}}}
}

// drain reads to the end of a call, and grants no window.
func drain(stream callStream) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestCallsLeaveNothing: whatever a client does in the middle of a call, when it has gone the node has what it had before.
func TestCallsLeaveNothing(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--node-memory=8GiB")
	c := newCaller(t, d)
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"goes before it has opened the call", func(ctx context.Context) error {
			_, err := c.Workloads.Call(ctx)
			return err
		}},
		{"half-closes before that", func(ctx context.Context) error {
			stream, err := c.Workloads.Call(ctx)
			if err != nil {
				return err
			}
			_ = stream.CloseSend()
			if err := drain(stream); status.Code(err) != codes.InvalidArgument {
				return err
			}
			return nil
		}},
		{"goes when it has opened it", func(ctx context.Context) error {
			_, err := c.open(ctx, "upper", channelValue(1))
			return err
		}},
		{"goes in the middle of its stream", func(ctx context.Context) error {
			stream, err := c.open(ctx, "upper", channelValue(1))
			if err == nil {
				err = stream.Send(bytesOf(1, 64<<10))
			}
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}},
		{"never reads", func(ctx context.Context) error {
			_, err := c.open(ctx, "count", number(0), number(1<<32-1))
			time.Sleep(50 * time.Millisecond) // the guest writes as much as it can
			return err
		}},
		{"reads, and grants no window", func(ctx context.Context) error {
			stream, err := c.open(ctx, "count", number(0), number(1<<32-1))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			context.AfterFunc(ctx, func() { _ = stream.CloseSend() })
			for items := 0; items < 1024; {
				m, err := stream.Recv()
				if err != nil {
					return err
				}
				items += len(m.GetItems().GetValues())
			}
			return nil
		}},
		{"sends more than its window", func(ctx context.Context) error {
			stream, err := c.open(ctx, "unread", channelValue(1), channelValue(2))
			if err != nil {
				return err
			}
			for range 100 {
				_ = stream.Send(bytesOf(1, 32<<10))
			}
			if err := drain(stream); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "channel 1") {
				return errors.Join(errors.New("it is not refused"), err)
			}
			return nil
		}},
		{"half-closes, and leaves a future open", func(ctx context.Context) error {
			stream, err := c.open(ctx, "unread", channelValue(1), channelValue(2))
			if err != nil {
				return err
			}
			_ = stream.CloseSend()
			if err := drain(stream); status.Code(err) != codes.InvalidArgument {
				return errors.Join(errors.New("it is not refused"), err)
			}
			return nil
		}},
		{"cancels again and again, and goes", func(ctx context.Context) error {
			stream, err := c.open(ctx, "stubborn")
			for range 1000 {
				if err == nil {
					err = stream.Send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Cancel{Cancel: &reactorv1.CallCancel{}}})
				}
			}
			return err
		}},
		{"grants windows and stops channels that are none", func(ctx context.Context) error {
			for _, m := range []*reactorv1.CallRequest{
				{Part: &reactorv1.CallRequest_Window{Window: &reactorv1.CallWindow{Channel: 1 << 31, Items: 1 << 63, Bytes: 1 << 63}}},
				{Part: &reactorv1.CallRequest_Stop{Stop: &reactorv1.CallStop{Channel: 9}}},
				{Part: &reactorv1.CallRequest_Future{Future: &reactorv1.CallFuture{Channel: 1}}},
				bytesOf(0, 1),
			} {
				stream, err := c.open(ctx, "upper", channelValue(1))
				if err != nil {
					return err
				}
				_ = stream.Send(m)
				if err := drain(stream); status.Code(err) != codes.InvalidArgument {
					return errors.Join(errors.New("it is not refused"), err)
				}
			}
			return nil
		}},
		{"grants more of a channel than there are numbers", func(ctx context.Context) error {
			stream, err := c.open(ctx, "count", number(0), number(5000))
			if err != nil {
				return err
			}
			for {
				m, err := stream.Recv()
				if err != nil {
					return err
				}
				if m.GetItems().GetEnd() {
					return drain(stream)
				}
				if m.GetItems() != nil {
					_ = stream.Send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Window{Window: &reactorv1.CallWindow{
						Channel: m.GetItems().GetChannel(), Items: 1<<64 - 1, Bytes: 1<<64 - 1,
					}}})
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := func() {
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				if err := tt.do(ctx); err != nil {
					t.Error(err)
				}
			}
			one() // what is loaded stays
			nothingLeft(t, d)
			before := d.Stats(t)
			var group sync.WaitGroup
			for range 16 {
				group.Go(one)
			}
			group.Wait()
			nothingLeft(t, d)
			const idle = 16 // goroutines that gRPC and the executor keep
			eventually(t, "the goroutines end", func() bool { return d.Stats(t).GetGoroutines() <= before.GetGoroutines()+idle })
			if after := d.Stats(t); after.GetDescriptors() != before.GetDescriptors() {
				t.Errorf("%d descriptors, before %d", after.GetDescriptors(), before.GetDescriptors())
			}
		})
	}
}

// nothingLeft waits until no guest has memory.
func nothingLeft(t *testing.T, d *testkit.Daemon) {
	t.Helper()
	eventually(t, "no guest has memory", func() bool { return d.Stats(t).GetGuestMemoryBytes() == 0 })
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestThousandsOfCalls: calls beyond the memory that there is for them are refused at once, and those that wait go with their
// clients.
func TestThousandsOfCalls(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--node-memory=4GiB")
	first := newCaller(t, d)
	callers := []caller{first}
	for range 11 { // a connection has 256 calls
		callers = append(callers, caller{d.Another(t), first.module})
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var waiting, refused, other atomic.Int64
	var group sync.WaitGroup
	for i := range 2400 {
		group.Go(func() {
			stream, err := callers[i%len(callers)].open(ctx, "unread", channelValue(1), channelValue(2))
			if err == nil {
				err = stream.Send(bytesOf(1, 1000))
			}
			if err == nil || errors.Is(err, io.EOF) {
				waiting.Add(1)
				err = drain(stream)
				waiting.Add(-1)
			}
			switch status.Code(err) {
			case codes.ResourceExhausted:
				refused.Add(1)
			case codes.Canceled:
			default:
				other.Add(1)
				t.Errorf("it ended with %v", err)
			}
		})
	}
	eventually(t, "all have begun or are refused", func() bool { return waiting.Load()+refused.Load()+other.Load() == 2400 })
	eventually(t, "some are refused", func() bool { return refused.Load() > 0 })
	if one, err := first.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}); err != nil {
		t.Errorf("beside them: %v, %v", one, err)
	}
	t.Logf("%d wait, %d are refused", waiting.Load(), refused.Load())
	leave()
	group.Wait()
	nothingLeft(t, d)
	stream, err := first.open(t.Context(), "unread", channelValue(1), channelValue(2))
	if err == nil {
		err = stream.Send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Future{Future: &reactorv1.CallFuture{Channel: 2, Value: number(7)}}})
	}
	if err == nil {
		err = drain(stream)
	}
	if err != nil {
		t.Errorf("after them: %v", err)
	}
}

// TestStreamsAreNotSubmitted: a workload can't have streams, and who tries it is told what can.
func TestStreamsAreNotSubmitted(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	c := newCaller(t, d)
	spec := &reactorv1.WorkloadSpec{Module: c.module, Call: &reactorv1.FunctionCall{Export: "upper", Args: []*reactorv1.Value{channelValue(1)}}}
	_, err := c.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
	_, err2 := c.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: spec})
	for _, err := range []error{err, err2} {
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "only the call Call of the API can carry") {
			t.Error(err)
		}
	}
}
