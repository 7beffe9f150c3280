package server

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/inflight"
	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
)

const (
	// maxMessageBytes bounds a request: a batch of 10,000 submissions of 1.5 KiB each, or one with as much
	// standard input as the reactor accepts, with room to spare.
	maxMessageBytes = 16 << 20
	// maxPartBytes bounds a message of a stream that sends its data in parts, and a list of ids. Handlers
	// check for narrower bounds.
	maxPartBytes = 2 << 20
	// maxUploadBytes bounds a module that is sent in one message, and maxUploadMessage that message.
	maxUploadBytes   = 4 << 20
	maxUploadMessage = maxUploadBytes + 4<<10
	// maxOtherBytes bounds a message that has no reason to be large.
	maxOtherBytes = 64 << 10
)

// handlers is the number of goroutines that gRPC keeps for handlers, with stacks that have grown already. A call that finds none gets
// one of its own.
const handlers = 64

// mostBytes has the largest messages of methods that accept large ones.
var mostBytes = map[string]int{
	reactorv1.WorkloadService_SubmitWorkload_FullMethodName:  maxMessageBytes,
	reactorv1.WorkloadService_SubmitWorkloads_FullMethodName: maxMessageBytes,
	reactorv1.WorkloadService_CallFunction_FullMethodName:    maxMessageBytes,
	reactorv1.WorkloadService_Call_FullMethodName:            maxMessageBytes,
	reactorv1.WorkloadService_CancelWorkloads_FullMethodName: maxPartBytes,
	reactorv1.WorkloadService_AttachWorkload_FullMethodName:  maxPartBytes,
	reactorv1.ModuleService_PushModule_FullMethodName:        maxPartBytes,
	reactorv1.ModuleService_UploadModule_FullMethodName:      maxUploadMessage,
}

// waits has the methods whose calls wait for guests, people, compilations or registries, or delete much.
var waits = map[string]bool{
	reactorv1.WorkloadService_WaitWorkload_FullMethodName:    true,
	reactorv1.WorkloadService_CallFunction_FullMethodName:    true,
	reactorv1.WorkloadService_CancelWorkloads_FullMethodName: true,
	reactorv1.ModuleService_UploadModule_FullMethodName:      true,
	reactorv1.ModuleService_PruneModules_FullMethodName:      true,
	reactorv1.ModuleService_SnapshotModule_FullMethodName:    true,
	reactorv1.ModuleService_FetchModule_FullMethodName:       true,
}

// Admission decides whom a server admits.
type Admission struct {
	Gate *access.Gate
	TLS  *tls.Config // over TCP; nil: plain text
}

// Server serves the API of one reactor. Its methods may be called from any goroutine.
type Server struct {
	grpc    *grpc.Server
	gate    *inflight.Gate
	health  *Health
	calls   calls
	running sync.WaitGroup // what handlers left running (see AttachWorkload)

	onItemError func(reason string) // of OnItemError
}

// Tracing makes spans of calls. The zero value makes none: then the workloads that calls submit belong to the spans of their callers.
type Tracing struct {
	// Begin begins the span of a call of a method, and returns a context that has it. end is called with the call's status.
	Begin func(ctx context.Context, fullMethod string) (_ context.Context, end func(error))
	// Span returns the span that a context has, as the headers traceparent and tracestate (W3C Trace Context).
	Span func(context.Context) (parent, state string)
}

// Config says how a Server serves.
type Config struct {
	Admission  Admission           // whom it admits
	Limits     inflight.Limits     // of what clients have in flight
	Audit      Audit               // is told who is granted what, and who drains
	Health     *Health             // is served, and told of drains
	Registries *registries.Fetcher // by which modules of registries come
	Tracing    Tracing
	Logger     *zap.Logger
}

// New makes a server for r. It serves once Serve is called.
func New(r *reactor.Reactor, c Config) *Server {
	s := &Server{health: c.Health, onItemError: func(string) {}}
	tracing := c.Tracing
	if tracing.Begin == nil {
		tracing = Tracing{Begin: untraced, Span: callersSpan}
	}
	e := &edge{log: c.Logger, gate: c.Admission.Gate, calls: &s.calls, begin: tracing.Begin}
	gate := inflight.NewGate(c.Limits, e.admit, c.Logger)
	s.gate = gate
	s.grpc = grpc.NewServer(append(gate.Options(),
		grpc.Creds(inflight.Credentials(access.Transport(c.Admission.TLS))),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.ChainUnaryInterceptor(e.unary),
		grpc.ChainStreamInterceptor(e.stream),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(handlers),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			// A client that vanished without a word is detected, and its streams end.
			Time:    20 * time.Second,
			Timeout: 10 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
	)...)
	registrar := inflight.Registrar{
		Server: s.grpc, Gate: gate, MaxBytes: mostBytes, Default: maxOtherBytes, Waits: waits, Status: toStatus,
	}
	reactorv1.RegisterModuleServiceServer(registrar, &modules{reactor: r, registries: c.Registries})
	reactorv1.RegisterWorkloadServiceServer(registrar, &workloads{
		reactor: r, audit: c.Audit, running: &s.running, span: tracing.Span,
		onItemError: func(reason string) { s.onItemError(reason) },
	})
	reactorv1.RegisterNodeServiceServer(registrar, &node{reactor: r, audit: c.Audit, drained: c.Health.SetDraining})
	healthv1.RegisterHealthServer(registrar, c.Health)
	reflection.Register(registrar)
	c.Health.serve(s.grpc.GetServiceInfo())
	return s
}

// Serve serves connections of l until Stop is called, then returns nil.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(s.gate.Listener(l)) }

// BreakOff closes all connections, which ends every call.
func (s *Server) BreakOff() { s.grpc.Stop() }

// leaveTime is how long calls have to end after their connections were closed.
const leaveTime = 2 * time.Second

// Stop accepts no more calls, lets those in flight end until ctx is done, then closes their connections. It
// returns when every handler has returned, or with a *HungError when some have not leaveTime later: what they
// wait for does not end. In that case Serve does not return either.
func (s *Server) Stop(ctx context.Context) error {
	s.health.Shutdown() // NOT_SERVING, whatever SetDraining sets after this
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.grpc.GracefulStop()
		s.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	go s.grpc.Stop()
	select {
	case <-ended:
		return nil
	case <-time.After(leaveTime):
		return s.calls.hung()
	}
}
