package server

import (
	"context"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
)

// maxMessageBytes bounds a request: a batch of 10,000 submissions of 1.5 KiB each, or one
// with as much standard input as the reactor takes, with room to spare.
const maxMessageBytes = 16 << 20

// Server serves the API of one reactor. Its methods are for any goroutine.
type Server struct {
	grpc    *grpc.Server
	health  *health.Server
	running sync.WaitGroup // what handlers left running (see AttachWorkload)
}

// New makes a server of r. It serves once Serve is called.
func New(r *reactor.Reactor, log *zap.Logger) *Server {
	e := &edge{log: log}
	s := &Server{
		grpc: grpc.NewServer(
			grpc.MaxRecvMsgSize(maxMessageBytes),
			grpc.ChainUnaryInterceptor(e.unary),
			grpc.ChainStreamInterceptor(e.stream),
			grpc.WaitForHandlers(true),
			grpc.KeepaliveParams(keepalive.ServerParameters{
				// A client that vanished without a word is noticed, and its streams end.
				Time:    time.Minute,
				Timeout: 20 * time.Second,
			}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
				MinTime:             10 * time.Second,
				PermitWithoutStream: true,
			}),
		),
		health: health.NewServer(),
	}
	reactorv1.RegisterModuleServiceServer(s.grpc, &modules{reactor: r})
	reactorv1.RegisterWorkloadServiceServer(s.grpc, &workloads{reactor: r, running: &s.running})
	reactorv1.RegisterNodeServiceServer(s.grpc, &node{reactor: r, drained: s.SetDraining})
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	s.SetDraining(r.Node().Draining)
	return s
}

// Serve serves connections of l until Stop, then returns nil.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// SetDraining makes the health service tell whether new work is taken.
func (s *Server) SetDraining(draining bool) {
	serving := healthv1.HealthCheckResponse_SERVING
	if draining {
		serving = healthv1.HealthCheckResponse_NOT_SERVING
	}
	for service := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(service, serving)
	}
	s.health.SetServingStatus("", serving)
}

// BreakOff breaks off all connections, and with them every call.
func (s *Server) BreakOff() { s.grpc.Stop() }

// Stop takes no more calls, lets those under way end until ctx is done, then breaks them off. It
// returns when every handler has.
func (s *Server) Stop(ctx context.Context) {
	s.health.Shutdown() // not serving, whatever is said after this
	graceful := make(chan struct{})
	go func() {
		defer close(graceful)
		s.grpc.GracefulStop()
	}()
	select {
	case <-graceful:
	case <-ctx.Done():
		s.grpc.Stop()
		<-graceful
	}
	s.running.Wait()
}
