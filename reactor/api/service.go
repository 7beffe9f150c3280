package api

import "time"

// HTTPService says how a component serves HTTP, or calls of other workloads, or both. Fields that are zero have defaults, which differ between the versions of
// wasi:http.
type HTTPService struct {
	MaxInstances          uint32 // of the component, at a time
	MaxConcurrentRequests uint32 // that an instance has at a time
	MaxInstanceRequests   uint32 // that an instance gets in all
	MaxWaitingRequests    uint32 // while all instances are busy
	IdleTimeout           time.Duration
	RequestTimeout        time.Duration // from the head of a request to the end of its response
	AccessLog             bool          // a line on standard error for each request
	// Certificate and Key are where the daemon has what the service needs for TLS, as policy.ParseReference has it; empty: it
	// serves without.
	Certificate, Key string
	// Offer has other workloads of the tenant call the functions that the component exports. It needs no listener then.
	Offer bool
}

// ServiceStatus counts what a service has done in its current attempt, and does now.
type ServiceStatus struct {
	Requests uint64 // that came
	Refused  uint64 // of them, for which there was no room
	Failed   uint64 // of them, that were not answered by the component, or not in time
	Started  uint64 // instances

	Active      uint32 // requests that instances have
	Waiting     uint32 // requests that wait for an instance
	Instances   uint32
	Connections uint32
}
