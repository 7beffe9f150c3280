package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/reactor/errs"
)

// edge wraps every call: it checks that the caller may call, turns panics into errors and errors into
// statuses, and logs the call.
type edge struct {
	log   *zap.Logger
	gate  *access.Gate
	calls *calls
	begin func(ctx context.Context, fullMethod string) (_ context.Context, end func(error)) // of Tracing
}

// admit runs for each call once its header has arrived, before anything of its message is read, so nothing is
// decoded for callers that are refused. It must not block, since the connection waits for it.
func (e *edge) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	admitted, err := e.gate.Admit(ctx, info.FullMethodName, info.Header)
	if err != nil {
		st := toStatus(ctx, err)
		e.access(ctx, info.FullMethodName, 0, st, err)
		return ctx, st
	}
	return admitted, nil
}

func (e *edge) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = e.call(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		resp, err = handler(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (e *edge) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return e.call(stream.Context(), info.FullMethod, func(ctx context.Context) error { return handler(srv, streamIn{stream, ctx}) })
}

// streamIn is a stream with a context of the edge's.
type streamIn struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is the stream's
}

// Context implements grpc.ServerStream.
func (s streamIn) Context() context.Context { return s.ctx }

// untraced is Tracing.Begin without traces.
func untraced(ctx context.Context, _ string) (_ context.Context, end func(error)) {
	return ctx, func(error) {}
}

func (e *edge) call(ctx context.Context, method string, handle func(context.Context) error) error {
	ctx, end := e.begin(ctx, method)
	this := e.calls.add(method)
	defer e.calls.remove(this)
	err := recovered(func() error { return handle(ctx) })
	st := toStatus(ctx, err)
	end(st)
	e.access(ctx, method, time.Since(this.began), st, err)
	return st
}

// recovered calls handle and turns a panic into an error.
func recovered(handle func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &errs.Error{
				Class:   errs.Internal,
				Message: "internal error: the daemon's log has the details",
				Cause:   &panicError{p, debug.Stack()},
			}
		}
	}()
	return handle()
}

// panicError is the panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// access logs a call: faults of the daemon as errors, everything else at debug level.
func (e *edge) access(ctx context.Context, method string, took time.Duration, st, cause error) {
	code := status.Code(st)
	level := zapcore.DebugLevel
	if code == codes.Internal || code == codes.Unknown {
		level = zapcore.ErrorLevel
	}
	entry := e.log.Check(level, "call")
	if entry == nil {
		return
	}
	fields := []zap.Field{zap.String("method", method), zap.Stringer("code", code), zap.Duration("took", took)}
	if p, ok := peer.FromContext(ctx); ok {
		fields = append(fields, zap.Stringer("peer", p.Addr), zap.Stringer("caller", access.FromContext(ctx)))
	}
	if st != nil {
		fields = append(fields, zap.String("error", status.Convert(st).Message()))
	}
	if e, ok := errors.AsType[*errs.Error](cause); ok && e.Cause != nil {
		fields = append(fields, zap.NamedError("cause", e.Cause))
	}
	entry.Write(fields...)
}
