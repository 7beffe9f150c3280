package server

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Live is the service that is healthy as long as the daemon answers, whatever else it can do: what asks for it wants to know
// whether the daemon has to be restarted.
const Live = "live"

// Health is the health service. All services but Live are healthy if the daemon takes work: it does not while it drains, nor while
// its store can't be written to. Its methods may be called from any goroutine.
type Health struct {
	*health.Server
	mu       sync.Mutex
	services []string
	draining bool
	outage   bool
}

// NewHealth makes the health service of a server to be, for which New is called.
func NewHealth() *Health { return &Health{Server: health.NewServer()} }

// SetDraining sets whether the daemon refuses new work because it drains.
func (h *Health) SetDraining(draining bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = draining
	h.tell()
}

// SetOutage sets why the store can't be written to, or that it can: nil.
func (h *Health) SetOutage(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outage = cause != nil
	h.tell()
}

// serve sets the services that there are.
func (h *Health) serve(services map[string]grpc.ServiceInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.services = []string{""}
	for name := range services {
		h.services = append(h.services, name)
	}
	h.tell()
}

// tell tells those who ask. mu is held.
func (h *Health) tell() {
	status := healthv1.HealthCheckResponse_SERVING
	if h.draining || h.outage {
		status = healthv1.HealthCheckResponse_NOT_SERVING
	}
	for _, service := range h.services {
		h.SetServingStatus(service, status)
	}
}

// Check implements healthv1.HealthServer.
func (h *Health) Check(ctx context.Context, request *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	if request.GetService() == Live {
		return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
	}
	return h.Server.Check(ctx, request)
}

// Watch implements healthv1.HealthServer.
func (h *Health) Watch(request *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	if request.GetService() != Live {
		return h.Server.Watch(request, stream)
	}
	if err := stream.Send(&healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}
