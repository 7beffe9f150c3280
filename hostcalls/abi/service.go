package abi

import (
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/capability"
)

// Service says how a component serves: HTTP, at the address of its only listener grant, or calls of other workloads, or both. What is
// zero has a default.
type Service struct {
	Offer      bool          // other workloads may call the functions that the component exports; it needs no listener then
	Instances  int           // of the component, at a time
	Concurrent int           // requests that an instance has at a time
	Requests   int           // requests that an instance gets in all
	Idle       time.Duration // how long an instance is kept that has no request
	Timeout    time.Duration // of a request, from its head to the end of its response
	Queue      int           // requests that wait while all instances are busy
	AccessLog  bool          // a line for each request, on standard error
	// Certificate and Key are what the service has for TLS; empty: it has none.
	Certificate, Key capability.Reference
}

// Server is a Process that serves. It has tasks of its own, beside the one whose Turn is the process's.
type Server interface {
	Process
	// Rest is called once, when the process's task has ended, whether or not Turn was ever called. It calls ended when all other
	// tasks have ended, too, and nothing of the process is left: at once, or on any goroutine.
	Rest(ended func())
	// Used returns what those tasks have used so far. It may be called from any goroutine.
	Used() executor.Usage
	// Counts returns what the process has served so far. It may be called from any goroutine.
	Counts() ServiceCounts
	// HeldBy returns the workloads that alone can end what the requests wait for which the process has, and since when all of that
	// has lasted; none if something else can. It may be called from any goroutine.
	HeldBy() (peers []string, since time.Time)
}

// ServiceCounts count what a service has done, and does now.
type ServiceCounts struct {
	Requests uint64 // that came
	Refused  uint64 // of them, for which there was no room
	Failed   uint64 // of them, that the component did not answer, or not in time
	Started  uint64 // instances

	Active      int // requests that instances have
	Waiting     int // requests that wait for an instance
	Instances   int
	Connections int
}
