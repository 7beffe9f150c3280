package abi

import "sync/atomic"

// ServiceTotals count what all services of a node do together. Its methods may be called from any goroutine, and on nil, which counts
// nothing.
type ServiceTotals struct {
	connections atomic.Int64
	responses   [ResponseClasses]atomic.Uint64
}

// ResponseClass is what became of a request of HTTP.
type ResponseClass uint8

// The classes.
const (
	BrokenOff     ResponseClass = iota // its client went away, or the response ended before its end
	Successful                         // 200 to 299, and so on
	Redirection                        // 300
	ClientError                        // 400
	ServerError                        // 500
	OtherResponse                      // beyond
	ResponseClasses
)

var responseClasses = [ResponseClasses]string{"broken_off", "2xx", "3xx", "4xx", "5xx", "other"}

func (c ResponseClass) String() string { return responseClasses[c] }

// ClassOf returns the class of a final status.
func ClassOf(status int) ResponseClass {
	if status < 200 || status > 599 {
		return OtherResponse
	}
	return Successful + ResponseClass(status/100-2) //nolint:gosec // 0 to 3
}

// Connect counts a connection, and Disconnect its end.
func (t *ServiceTotals) Connect() { t.connect(1) }

// Disconnect is the opposite of Connect.
func (t *ServiceTotals) Disconnect() { t.connect(-1) }

func (t *ServiceTotals) connect(n int64) {
	if t != nil {
		t.connections.Add(n)
	}
}

// Answer counts a request that is over.
func (t *ServiceTotals) Answer(c ResponseClass) {
	if t != nil {
		t.responses[c].Add(1)
	}
}

// Connections returns how many there are.
func (t *ServiceTotals) Connections() int64 { return t.connections.Load() }

// Responses returns how many requests are over, by class.
func (t *ServiceTotals) Responses() (by [ResponseClasses]uint64) {
	for c := range by {
		by[c] = t.responses[c].Load()
	}
	return by
}
