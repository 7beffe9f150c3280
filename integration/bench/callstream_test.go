package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	streamed   = 64 << 20 // bytes of one call
	pieceBytes = 64 << 10 // of a message; a channel's window has no more
)

// BenchmarkCallStream measures bytes that go to a function of a component and come back, by Call over gRPC, against a bare stream
// of grpc-go in a process of its own that sends back each message as it is. Both are on ports of loopback, have messages of 64 KiB
// and take turns.
//
//	x-echo              bytes a second over those of the bare stream
//	x-echo-cpu          processor time of the bare server for the bytes over that of the daemon
func BenchmarkCallStream(b *testing.B) {
	for name, component := range map[string]string{"same": "flow", "copy": "streams", "upper": "flow"} {
		b.Run("function="+name, func(b *testing.B) {
			binary, err := os.ReadFile("../testdata/components/" + component + ".wasm")
			if err != nil {
				b.Fatal(err)
			}
			d := testkit.Start(b, b.TempDir())
			echo := startEcho(b, "tcp")
			call := &reactorv1.FunctionCall{Export: name, Args: []*reactorv1.Value{{Kind: &reactorv1.Value_Channel{Channel: 1}}}}
			spec := &reactorv1.WorkloadSpec{Module: d.Push(b, binary), Call: call}
			measureStream(b, d.PID, d.Workloads, spec) // warm up
			var ratios, ofCPU, rates, bare []float64
			for b.Loop() {
				echoRate, echoCPU := measureStream(b, echo.pid, echo.workloads, spec)
				rate, cpu := measureStream(b, d.PID, d.Workloads, spec)
				ratios, ofCPU = append(ratios, rate/echoRate), append(ofCPU, echoCPU/cpu)
				rates, bare = append(rates, rate), append(bare, echoRate)
			}
			b.ReportMetric(median(rates), "MiB/s")
			b.ReportMetric(median(bare), "echo-MiB/s")
			b.ReportMetric(median(ratios), "x-echo")
			b.ReportMetric(median(ofCPU), "x-echo-cpu")
			b.ReportMetric(0, "ns/op") // of megabytes
		})
	}
}

// measureStream sends bytes through a call, and returns how many MiB a second came back and the server's processor time in us.
func measureStream(b *testing.B, pid int, client reactorv1.WorkloadServiceClient, spec *reactorv1.WorkloadSpec) (rate, cpu float64) {
	b.Helper()
	before, began := processCPU(b, pid), time.Now()
	if err := streamThrough(b.Context(), client, spec); err != nil {
		b.Fatal(err)
	}
	return streamed / float64(1<<20) / time.Since(began).Seconds(), microseconds(processCPU(b, pid) - before)
}

// streamThrough makes a call, and counts what comes back. One goroutine receives, and the caller's sends.
func streamThrough(ctx context.Context, client reactorv1.WorkloadServiceClient, spec *reactorv1.WorkloadSpec) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Call(ctx)
	if err != nil {
		return err
	}
	requests := make(chan *reactorv1.CallRequest, 2*streamed/pieceBytes) // of the receiver, which never waits
	windows := make(chan uint64, 2*streamed/pieceBytes)
	ended := make(chan error, 1)
	go func() { ended <- receiveStream(ctx, stream, requests, windows) }()
	_ = stream.Send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Open{Open: &reactorv1.CallFunctionRequest{Spec: spec}}}) // Recv tells
	left, room, piece := streamed, pieceBytes, make([]byte, pieceBytes)
	for {
		var next *reactorv1.CallRequest
		if n := min(left, room, pieceBytes); n > 0 {
			left, room = left-n, room-n
			next = &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Items{Items: &reactorv1.CallItems{Channel: 1, Bytes: piece[:n], End: left == 0}}}
			_ = stream.Send(next)
			select {
			case r := <-requests:
				_ = stream.Send(r)
			default:
			}
			continue
		}
		select {
		case r := <-requests:
			_ = stream.Send(r)
		case n := <-windows:
			room += int(n)
		case err := <-ended:
			return err
		}
	}
}

// receiveStream receives until the call has ended, and lets as much come as has come.
func receiveStream(ctx context.Context, stream grpc.BidiStreamingClient[reactorv1.CallRequest, reactorv1.CallResponse], requests chan<- *reactorv1.CallRequest, windows chan<- uint64) error {
	received := 0
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && received == streamed:
			return nil
		case err != nil:
			return fmt.Errorf("after %d bytes: %w", received, err)
		}
		if w := m.GetWindow(); w != nil {
			windows <- w.GetBytes()
		}
		items := m.GetItems()
		if received += len(items.GetBytes()); len(items.GetBytes()) == 0 || items.GetEnd() {
			continue
		}
		window := &reactorv1.CallWindow{Channel: items.GetChannel(), Items: uint64(len(items.GetBytes())), Bytes: uint64(len(items.GetBytes()))}
		select {
		case requests <- &reactorv1.CallRequest{Part: &reactorv1.CallRequest_Window{Window: window}}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bareStreams sends back what a call sends, as it comes, and windows at once.
type bareStreams struct {
	reactorv1.UnimplementedWorkloadServiceServer
}

func (bareStreams) Call(stream grpc.BidiStreamingServer[reactorv1.CallRequest, reactorv1.CallResponse]) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		items := m.GetItems()
		if items == nil {
			continue
		}
		if err := stream.Send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Items{Items: items}}); err != nil {
			return err
		}
		if items.GetEnd() {
			return nil
		}
		window := &reactorv1.CallWindow{Channel: 1, Bytes: 16 << 20} // as much as gRPC lets through
		if err := stream.Send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Window{Window: window}}); err != nil {
			return err
		}
	}
}
