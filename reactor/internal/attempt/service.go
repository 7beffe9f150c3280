package attempt

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/api"
)

// serviceOf is how a component serves, for its process; nil if it does not.
func serviceOf(s *api.HTTPService) *abi.Service {
	if s == nil {
		return nil
	}
	return &abi.Service{
		Instances: int(s.MaxInstances), Concurrent: int(s.MaxConcurrentRequests), Requests: int(s.MaxInstanceRequests),
		Queue: int(s.MaxWaitingRequests), Idle: s.IdleTimeout, Timeout: s.RequestTimeout, AccessLog: s.AccessLog,
		Certificate: capability.Reference(s.Certificate), Key: capability.Reference(s.Key),
		Offer: s.Offer,
	}
}

// server returns the process as one that serves; nil if it does not.
func (a *Attempt) server() abi.Server {
	if p := a.process.Load(); p != nil {
		s, _ := (*p).(abi.Server)
		return s
	}
	return nil
}

// Service returns what the attempt serves and has served; nil if it does not serve.
func (a *Attempt) Service() *api.ServiceStatus {
	s := a.server()
	if s == nil {
		return nil
	}
	c := s.Counts()
	return &api.ServiceStatus{
		Requests: c.Requests, Refused: c.Refused, Failed: c.Failed, Started: c.Started,
		Active: uint32(c.Active), Waiting: uint32(c.Waiting), Instances: uint32(c.Instances), Connections: uint32(c.Connections),
	}
}
