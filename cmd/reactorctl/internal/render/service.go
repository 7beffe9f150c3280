package render

import (
	"fmt"
	"strings"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// served says how a workload serves; empty if it does not. listens is whether it does at an address.
func served(s *reactorv1.HttpService, listens bool) string {
	if s == nil {
		return ""
	}
	text := "HTTP"
	if s.GetCertificate() != "" {
		text = "HTTPS"
	}
	switch {
	case s.GetOffer() && listens:
		text += " and calls of other workloads"
	case s.GetOffer():
		text = "calls of other workloads"
	}
	var how []string
	add := func(n uint32, what, more string) {
		if n > 0 {
			how = append(how, count(uint64(n), what)+more)
		}
	}
	add(s.GetMaxInstances(), "instance", "")
	add(s.GetMaxConcurrentRequests(), "request", " of each at a time")
	add(s.GetMaxInstanceRequests(), "request", " of each in all")
	add(s.GetMaxWaitingRequests(), "waiting request", "")
	if d := s.GetRequestTimeout(); d != nil {
		how = append(how, "within "+given(d.AsDuration()))
	}
	if len(how) == 0 {
		return text
	}
	return text + ", at most " + strings.Join(how, ", ")
}

// requests says what a service has done.
func requests(s *reactorv1.ServiceStatus) string {
	if s == nil {
		return ""
	}
	text := comma(s.GetRequests())
	for _, part := range []struct {
		n    uint64
		what string
	}{
		{uint64(s.GetActive()), "under way"}, {uint64(s.GetWaiting()), "waiting"}, {s.GetFailed(), "failed"}, {s.GetRefused(), "refused"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %s %s", comma(part.n), part.what)
		}
	}
	return text
}

// instances says what a service answers requests by.
func instances(s *reactorv1.ServiceStatus) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%d of %s so far, %s", s.GetInstances(), comma(s.GetInstancesStarted()), count(uint64(s.GetConnections()), "connection"))
}
