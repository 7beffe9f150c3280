package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// maxMessage bounds an answer: a page can hold a thousand workloads with their stdin and arguments.
	maxMessage = 256 << 20
	// greeting is how long a daemon may take to greet a client that has connected. What takes longer is no daemon.
	greeting = 5 * time.Second
)

// dialOptions returns the options of the connection to the daemon.
func (a *app) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithUserAgent("reactorctl"),
		grpc.WithConnectParams(grpc.ConnectParams{
			// A daemon that is started again is found within a second.
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: greeting,
		}),
		// A daemon whose machine has vanished without a word is missed after half a minute.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithUnaryInterceptor(a.limitRequest),
		grpc.WithPerRPCCredentials(traceContextOf(os.Getenv)),
	}
}

// limitRequest bounds a call by --request-timeout, unless the call waits for a workload, or ends before that anyway.
func (a *app) limitRequest(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if a.requestTimeout <= 0 || method == reactorv1.WorkloadService_WaitWorkload_FullMethodName {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < a.requestTimeout {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	limited, cancel := context.WithTimeout(ctx, a.requestTimeout)
	defer cancel()
	err := invoke(limited, method, request, reply, conn, options...)
	if status.Code(err) == codes.DeadlineExceeded && ctx.Err() == nil {
		return status.Error(codes.DeadlineExceeded, fmt.Sprintf("the daemon has not answered within %v (--request-timeout)", a.requestTimeout))
	}
	return err
}

// meet makes sure that a daemon is there and lets this user in, before work is done for it. From here on a daemon that
// is gone is waited for.
func (a *app) meet(ctx context.Context) error {
	_, err := a.greet(ctx)
	return err
}

// meetForWork is meet for work that the daemon has to take. It refuses work for a daemon that drains, before anything is
// built or sent.
func (a *app) meetForWork(ctx context.Context) error {
	node, err := a.greet(ctx)
	if err != nil || !node.GetDraining() {
		return err
	}
	return draining()
}

// draining is the error with which a daemon that drains refuses work.
func draining() error {
	refusal := status.New(codes.Unavailable, "the daemon is draining and takes no new work")
	if detailed, err := refusal.WithDetails(&errdetails.ErrorInfo{Reason: "DRAINING"}); err == nil {
		refusal = detailed
	}
	return refusal.Err()
}

// greet is meet that returns what the daemon says of itself; nil if that is to be learnt from the call that needs it.
func (a *app) greet(ctx context.Context) (*reactorv1.Node, error) {
	done := a.notes.Wait("waiting for the daemon at " + a.daemon.Address)
	response, err := a.node().GetNode(ctx, &reactorv1.GetNodeRequest{})
	done()
	switch status.Code(err) {
	case codes.Unavailable, codes.Unauthenticated, codes.PermissionDenied, codes.Canceled, codes.DeadlineExceeded:
		return nil, err
	}
	a.follower.Reached("") // whatever else is wrong, the call that needs it will tell
	return response.GetNode(), nil
}
