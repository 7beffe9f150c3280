package logs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Source reads the log of one workload.
type Source struct {
	Client   reactorv1.WorkloadServiceClient
	Follower *follow.Follower
	// Request is what to read first. It is changed: after a lost connection reading goes on where it was.
	Request *reactorv1.ReadLogsRequest

	cursor follow.Cursor
	tries  int
}

// Run calls take with each response that brings something new, until the end of the log; if the request follows, that is
// when the workload has ended.
func (s *Source) Run(ctx context.Context, take func(*reactorv1.ReadLogsResponse) error) error {
	return s.Follower.Do(ctx, func(ctx context.Context) error { return s.try(ctx, take) })
}

// try reads until the connection is lost.
func (s *Source) try(ctx context.Context, take func(*reactorv1.ReadLogsResponse) error) error {
	if s.tries++; s.tries > 1 {
		// A log that nothing is written to tells nothing for long, so something else has to tell that the daemon is back.
		if _, err := s.Client.GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: s.Request.GetId()}); err != nil {
			return err
		}
		s.Follower.Reached(fmt.Sprintf("the log of %s goes on", s.Request.GetId()))
	}
	if position, attempt, began := s.cursor.Resume(); position > 0 {
		s.Request.Offset, s.Request.Attempt, s.Request.AttemptStartUs, s.Request.TailLines = position, attempt, began, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.Client.ReadLogs(ctx, s.Request)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if first {
			s.Follower.Reached("")
		}
		if len(response.GetData()) > 0 && response.GetAttempt() > 0 { // an older daemon tells no positions
			if response.Data = s.cursor.Take(response, response.GetData()).Data; len(response.Data) == 0 {
				continue
			}
		}
		if err := take(response); err != nil {
			return follow.Permanent(err)
		}
	}
}
