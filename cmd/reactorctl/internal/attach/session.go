package attach

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Session follows one workload.
type Session struct {
	Client   reactorv1.WorkloadServiceClient
	Node     reactorv1.NodeServiceClient
	Follower *follow.Follower
	ID       string
	// Out and Err get the guest's output, unchanged.
	Out, Err io.Writer
	// In is the guest's input; nil if it gets none.
	In *Input
	// OnOutput is called before output is written; it may be nil.
	OnOutput func()

	name    string // of the session, for the daemon
	cursor  follow.Cursor
	tries   int
	daemon  *timestamppb.Timestamp // when the daemon started that has the input
	evicted bool                   // the daemon has stopped the guest that had the input
	ended   *reactorv1.Workload
	missing uint64
}

// OutputError says that output could not be written.
type OutputError struct {
	Stream string
	Err    error
}

func (e *OutputError) Error() string { return fmt.Sprintf("writing to %s: %v", e.Stream, e.Err) }
func (e *OutputError) Unwrap() error { return e.Err }

// Run copies the streams until the workload has ended, and returns it. If some of the output was not kept until it could
// be delivered, Missing says how much.
func (s *Session) Run(ctx context.Context) (*reactorv1.Workload, error) {
	err := s.Follower.Do(ctx, s.try)
	return s.ended, err
}

// Missing returns how many bytes of output were lost.
func (s *Session) Missing() uint64 { return s.missing }

// try attaches once.
func (s *Session) try(ctx context.Context) error {
	s.tries++
	if s.tries > 1 || s.In != nil {
		if err := s.prepare(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.Client.AttachWorkload(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(s.start()); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if s.In == nil {
		if err := stream.CloseSend(); err != nil {
			return err
		}
		return s.receive(stream)
	}
	// From here on only this goroutine sends.
	var sending sync.WaitGroup
	var unread error
	sending.Go(func() {
		if unread = s.In.send(ctx, stream); unread != nil {
			cancel()
		}
	})
	err = s.receive(stream)
	interrupted := ctx.Err() != nil
	cancel()
	sending.Wait()
	if unread != nil && interrupted && s.ended == nil && !errors.Is(unread, context.Canceled) {
		return follow.Permanent(fmt.Errorf("reading the input: %w", unread))
	}
	return err
}

// prepare looks at the workload before its streams are connected, and decides which part of the input it gets.
func (s *Session) prepare(ctx context.Context) error {
	response, err := s.Client.GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: s.ID})
	if err != nil {
		return err
	}
	w := response.GetWorkload()
	attempt := attemptOf(w)
	about := "workload " + s.ID + " goes on"
	switch {
	case isEnded(w):
		about = "workload " + s.ID + " has ended"
	case attempt > 1:
		about += fmt.Sprintf(", attempt %d", attempt)
	}
	if s.In != nil && !isEnded(w) {
		note, err := s.resumeInput(ctx)
		if err != nil {
			return err
		}
		about += note
	}
	s.Follower.Reached(about)
	return nil
}

// resumeInput prepares the input for the next connection, and returns what there is to say about it. A guest that another
// daemon runs, or that was stopped, starts anew.
func (s *Session) resumeInput(ctx context.Context) (about string, _ error) {
	response, err := s.Node.GetNode(ctx, &reactorv1.GetNodeRequest{})
	if err != nil {
		return "", err
	}
	started := response.GetNode().GetStartTime()
	anew := s.evicted || !proto.Equal(started, s.daemon)
	s.daemon, s.evicted = started, false
	if s.tries == 1 {
		return "", nil
	}
	note, err := s.In.resume(!anew)
	if err != nil {
		s.Follower.Reached("")
		return "", follow.Permanent(err)
	}
	if note == "" {
		return "", nil
	}
	return "; " + note, nil
}

// attemptOf returns the attempt that a client is connected to: the next one, if none runs.
func attemptOf(w *reactorv1.Workload) uint32 {
	if w.GetStatus().GetState() == reactorv1.WorkloadState_WORKLOAD_STATE_PENDING {
		return w.GetStatus().GetAttempts() + 1
	}
	return w.GetStatus().GetAttempts()
}

func isEnded(w *reactorv1.Workload) bool { return w.GetStatus().GetEndTime() != nil }

// receive writes what the stream brings, until the workload has ended.
func (s *Session) receive(stream reactorv1.WorkloadService_AttachWorkloadClient) error {
	for {
		response, err := stream.Recv()
		if err != nil {
			return s.refused(err)
		}
		switch part := response.GetPart().(type) {
		case *reactorv1.AttachWorkloadResponse_Stdout:
			err = s.write(s.Out, "standard output", response, part.Stdout)
		case *reactorv1.AttachWorkloadResponse_Stderr:
			err = s.write(s.Err, "standard error", response, part.Stderr)
		case *reactorv1.AttachWorkloadResponse_Ended:
			s.missing += s.cursor.End(response.GetOffset())
			s.ended = part.Ended
			return nil
		}
		if err != nil {
			return follow.Permanent(err)
		}
	}
}

// refused notes why the daemon has ended the attachment, and returns the error for the follower.
func (s *Session) refused(err error) error {
	message := status.Convert(err).Message()
	switch why, _ := reason.Of(err); why {
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_ATTACHED:
		if s.tries > 1 { // the daemon takes the connection that was lost for alive
			return status.Error(codes.Unavailable, message)
		}
	case reactorv1.ErrorReason_ERROR_REASON_UNAVAILABLE:
		s.evicted = true
		s.Follower.Say(message)
	}
	return err
}

func (s *Session) write(to io.Writer, name string, response *reactorv1.AttachWorkloadResponse, data []byte) error {
	fresh := follow.Fresh{Data: data}
	if response.GetAttempt() > 0 { // an older daemon tells no positions
		fresh = s.cursor.Take(response, data)
		s.missing += fresh.Missing
	}
	if len(fresh.Data) == 0 {
		return nil
	}
	if fresh.Again {
		s.Follower.Say(fmt.Sprintf("attempt %d of %s was started again: its output begins anew", response.GetAttempt(), s.ID))
	}
	if s.OnOutput != nil {
		s.OnOutput()
	}
	if _, err := to.Write(fresh.Data); err != nil {
		return &OutputError{Stream: name, Err: err}
	}
	return nil
}

// stdinStream is the direction of a stream that takes the input.
type stdinStream interface {
	Send(*reactorv1.AttachWorkloadRequest) error
	CloseSend() error
}

// start names the workload, the output that was seen, and the session, which takes the place of its own lost connection.
func (s *Session) start() *reactorv1.AttachWorkloadRequest {
	if s.name == "" {
		s.name = rand.Text()
	}
	start := &reactorv1.AttachWorkloadStart{Id: s.ID, Client: s.name}
	start.Offset, start.Attempt, start.AttemptStartUs = s.cursor.Resume()
	return &reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Start{Start: start}}
}

func stdin(b []byte) *reactorv1.AttachWorkloadRequest {
	return &reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Stdin{Stdin: b}}
}
