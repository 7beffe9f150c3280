package server

import (
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// The daemon is healthy unless it drains, or its store can't be written to; it is live all the time.
func TestHealth(t *testing.T) {
	h := NewHealth()
	h.serve(map[string]grpc.ServiceInfo{"a.B": {}})
	is := func(service string) healthv1.HealthCheckResponse_ServingStatus {
		response, err := h.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetStatus()
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, true},
		{func() { h.SetDraining(true) }, false},
		{func() { h.SetOutage(errors.New("the disk is full")) }, false},
		{func() { h.SetDraining(false) }, false},
		{func() { h.SetOutage(nil) }, true},
		{h.Shutdown, false},
		{func() { h.SetDraining(false) }, false},
	} {
		step.do()
		for _, service := range []string{"", "a.B"} {
			if got := is(service) == healthv1.HealthCheckResponse_SERVING; got != step.want {
				t.Errorf("step %d: %q is healthy: %v", i, service, got)
			}
		}
		if is(Live) != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("step %d: it is not live", i)
		}
	}
	if _, err := h.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("of a service that does not exist: %v", err)
	}
}
