package server

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPanicEndsTheCallOnly(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	e := &edge{log: zap.New(core), calls: new(calls), begin: untraced}
	resp, err := e.unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/a/B"},
		func(context.Context, any) (any, error) { panic("a secret") })
	if resp != nil || status.Code(err) != codes.Internal {
		t.Fatalf("got %v, %v; want INTERNAL", resp, err)
	}
	if got := status.Convert(err).Message(); got != "internal error: the daemon's log has the details" {
		t.Errorf("the client is told %q", got)
	}
	lines := logs.FilterLevelExact(zapcore.ErrorLevel).All()
	if len(lines) != 1 {
		t.Fatalf("%d error lines, want 1", len(lines))
	}
	if cause, ok := lines[0].ContextMap()["cause"].(string); !ok || cause[:len("panic: a secret")] != "panic: a secret" {
		t.Errorf("the log's cause is %v", lines[0].ContextMap()["cause"])
	}
}

func TestAccessLog(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		level zapcore.Level
		code  string
	}{
		{"success", nil, zapcore.DebugLevel, "OK"},
		{"the client's fault", errs.New(errs.WorkloadNotFound, "none"), zapcore.DebugLevel, "NotFound"},
		{"the daemon's fault", errors.New("broken"), zapcore.ErrorLevel, "Internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.DebugLevel)
			e := &edge{log: zap.New(core), calls: new(calls), begin: untraced}
			_, _ = e.unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/a/B"},
				func(context.Context, any) (any, error) { return &reactorv1.DrainResponse{}, tt.err })
			lines := logs.All()
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1", len(lines))
			}
			if lines[0].Level != tt.level || lines[0].ContextMap()["code"] != tt.code || lines[0].ContextMap()["method"] != "/a/B" {
				t.Errorf("line is %v %v", lines[0].Level, lines[0].ContextMap())
			}
		})
	}
}
