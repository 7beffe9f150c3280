package server

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func toService(p *reactorv1.HttpService, bad *fields) *api.HTTPService {
	if p == nil {
		return nil
	}
	period := func(d *durationpb.Duration, name string) time.Duration {
		if d != nil && d.CheckValid() != nil {
			bad.add("must be a duration", "%s", name)
		}
		return d.AsDuration()
	}
	return &api.HTTPService{
		MaxInstances:          p.GetMaxInstances(),
		MaxConcurrentRequests: p.GetMaxConcurrentRequests(),
		MaxInstanceRequests:   p.GetMaxInstanceRequests(),
		MaxWaitingRequests:    p.GetMaxWaitingRequests(),
		IdleTimeout:           period(p.GetIdleTimeout(), "spec.serve.idle_timeout"),
		RequestTimeout:        period(p.GetRequestTimeout(), "spec.serve.request_timeout"),
		AccessLog:             p.GetAccessLog(),
		Certificate:           p.GetCertificate(),
		Key:                   p.GetKey(),
		Offer:                 p.GetOffer(),
	}
}

func fromService(s *api.HTTPService) *reactorv1.HttpService {
	if s == nil {
		return nil
	}
	return &reactorv1.HttpService{
		MaxInstances:          s.MaxInstances,
		MaxConcurrentRequests: s.MaxConcurrentRequests,
		MaxInstanceRequests:   s.MaxInstanceRequests,
		MaxWaitingRequests:    s.MaxWaitingRequests,
		IdleTimeout:           fromDuration(s.IdleTimeout),
		RequestTimeout:        fromDuration(s.RequestTimeout),
		AccessLog:             s.AccessLog,
		Certificate:           s.Certificate,
		Key:                   s.Key,
		Offer:                 s.Offer,
	}
}

func fromServiceStatus(s *api.ServiceStatus) *reactorv1.ServiceStatus {
	if s == nil {
		return nil
	}
	return &reactorv1.ServiceStatus{
		Requests:         s.Requests,
		Refused:          s.Refused,
		Failed:           s.Failed,
		InstancesStarted: s.Started,
		Active:           s.Active,
		Waiting:          s.Waiting,
		Instances:        s.Instances,
		Connections:      s.Connections,
	}
}
