package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/errs"
)

// slowPush is a client that sends an empty chunk every so often, and then nothing more.
type slowPush struct {
	grpc.BidiStreamingServer[reactorv1.PushModuleRequest, reactorv1.PushModuleResponse]
	ctx    context.Context
	chunks int
	every  time.Duration
}

func (s *slowPush) Context() context.Context { return s.ctx }

func (s *slowPush) Recv() (*reactorv1.PushModuleRequest, error) {
	if s.chunks--; s.chunks < 0 {
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	}
	time.Sleep(s.every) // virtual
	return &reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Chunk{}}, nil
}

// A push may be slow, but not do nothing.
func TestPushPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const chunks, every = 5, pushPatience - time.Second
		began := time.Now()
		err := receiveChunks(&slowPush{ctx: ctx, chunks: chunks, every: every}, &reactor.Push{})
		if errs.ClassOf(err) != errs.PushStalled {
			t.Errorf("error %v, want %v", err, errs.PushStalled)
		}
		if took, want := time.Since(began), chunks*every+pushPatience; took != want {
			t.Errorf("it was given up after %v, want %v", took, want)
		}
	})
}
