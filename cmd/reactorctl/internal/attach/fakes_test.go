package attach

import (
	"context"
	"io"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// life is what a session meets from one call of AttachWorkload to the next.
type life struct {
	daemon   int64               // when the daemon was started
	refuses  error               // of every call: the daemon is not there
	workload *reactorv1.Workload // as it is before the call
	takes    string              // the input that has to come before there is output; "$" is its end
	sends    []*reactorv1.AttachWorkloadResponse
	breaks   error // after that; nil: nothing comes any more

	wantOffset  uint64
	wantAttempt uint32
	wantStart   int64
}

// daemon leads a number of lives, one after the other. The last goes on for ever.
type daemon struct {
	reactorv1.WorkloadServiceClient
	reactorv1.NodeServiceClient

	t     *testing.T
	lives []*life
	next  int
	name  string // of the session
}

func (d *daemon) life() *life { return d.lives[min(d.next, len(d.lives)-1)] }

func (d *daemon) GetNode(context.Context, *reactorv1.GetNodeRequest, ...grpc.CallOption) (*reactorv1.GetNodeResponse, error) {
	started := &timestamppb.Timestamp{Seconds: d.life().daemon}
	return &reactorv1.GetNodeResponse{Node: &reactorv1.Node{StartTime: started}}, d.life().refuses
}

func (d *daemon) GetWorkload(context.Context, *reactorv1.GetWorkloadRequest, ...grpc.CallOption) (*reactorv1.GetWorkloadResponse, error) {
	if l := d.life(); l.refuses != nil {
		if d.next < len(d.lives)-1 {
			d.next++
		}
		return nil, l.refuses
	}
	return &reactorv1.GetWorkloadResponse{Workload: d.life().workload}, nil
}

func (d *daemon) AttachWorkload(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[reactorv1.AttachWorkloadRequest, reactorv1.AttachWorkloadResponse], error) {
	l := d.life()
	d.next++
	return &stream{daemon: d, life: l, ctx: ctx, changed: make(chan struct{}, 1)}, nil
}

// stream is one attachment.
type stream struct {
	grpc.ClientStream
	*daemon
	*life
	ctx     context.Context
	changed chan struct{} // has something when there is news of the rest

	mu      sync.Mutex
	begun   bool
	input   string
	ended   bool // the attachment is
	answers int
}

func (s *stream) Send(r *reactorv1.AttachWorkloadRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch part := r.GetPart().(type) {
	case *reactorv1.AttachWorkloadRequest_Start:
		start := part.Start
		if start.GetId() != "w" || start.GetOffset() != s.wantOffset || start.GetAttempt() != s.wantAttempt || start.GetAttemptStartUs() != s.wantStart {
			s.t.Errorf("it begins with %v; want offset %d of attempt %d of %d", start, s.wantOffset, s.wantAttempt, s.wantStart)
		}
		if s.name == "" {
			s.name = start.GetClient()
		}
		if start.GetClient() == "" || start.GetClient() != s.name || s.begun {
			s.t.Errorf("it begins with %v; before, its name was %q", start, s.name)
		}
		s.begun = true
	case *reactorv1.AttachWorkloadRequest_Stdin:
		if s.ended {
			return io.EOF
		}
		s.take(string(part.Stdin))
	}
	return nil
}

func (s *stream) CloseSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take("$")
	return nil
}

func (s *stream) take(input string) {
	s.input += input
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *stream) Recv() (*reactorv1.AttachWorkloadResponse, error) {
	for !s.satisfied() {
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			return nil, status.FromContextError(s.ctx.Err()).Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers++; s.answers <= len(s.sends) {
		return s.sends[s.answers-1], nil
	}
	s.ended = true
	if s.breaks == nil {
		s.mu.Unlock()
		<-s.ctx.Done()
		s.mu.Lock()
		return nil, status.FromContextError(s.ctx.Err()).Err()
	}
	return nil, s.breaks
}

// satisfied reports whether the input has come that is wanted.
func (s *stream) satisfied() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.input) > len(s.takes) && s.takes != "" {
		s.t.Errorf("it has sent %q, want %q", s.input, s.takes)
	}
	return s.takes == "" || s.input == s.takes
}

// withReason returns an error as the daemon makes them.
func withReason(code codes.Code, reason, message string) error {
	st, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason})
	if err != nil {
		panic(err)
	}
	return st.Err()
}
