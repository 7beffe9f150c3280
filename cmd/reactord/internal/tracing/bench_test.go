package tracing

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/resource"
	"go.uber.org/zap"
	"google.golang.org/grpc/metadata"
)

// BenchmarkCall is what a call costs whose trace is not sampled.
func BenchmarkCall(b *testing.B) {
	b.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t := newTracer(&collector{}, 100, resource.Empty(), zap.NewNop())
	defer t.Stop(b.Context())
	base := metadata.NewIncomingContext(b.Context(), metadata.Pairs(":authority", "a", "content-type", "application/grpc", "user-agent", "grpc-go"))
	b.ReportAllocs()
	for b.Loop() {
		ctx, end := t.Call(base, "/reactor.v1.WorkloadService/SubmitWorkload")
		if parent, _ := Span(ctx); parent == "" {
			b.Fatal("no parent")
		}
		end(nil)
	}
}
