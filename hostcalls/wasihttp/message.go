package wasihttp

import (
	"context"
	"time"
)

// Request is an HTTP request.
type Request struct {
	Method        string
	Scheme        string // in lower case; empty: none
	Authority     string // empty: none
	PathWithQuery string // empty: none
	Fields        *Fields
	Body          *Body
	Options       *Options // nil: none
	// Parent is Traced.Parent of the request for which a component sends this one; nil if that is not known.
	Parent context.Context //nolint:containedctx // it is that of another request
}

// Response is an HTTP response.
type Response struct {
	Status int
	Fields *Fields
	Body   *Body
}

// Options are what a component wants of the transport of a request.
type Options struct {
	Connect, FirstByte, BetweenBytes Timeout
	frozen                           bool
}

// Freeze has the options not be changed any more.
func (o *Options) Freeze() { o.frozen = true }

// Frozen reports whether they can't be changed.
func (o *Options) Frozen() bool { return o.frozen }

// Clone returns a copy that can be changed.
func (o *Options) Clone() *Options {
	c := *o
	c.frozen = false
	return &c
}

// Timeout is a time that a component may have set.
type Timeout struct {
	Nanoseconds uint64
	Set         bool
}

// Or returns the time, or another one if none is set.
func (t Timeout) Or(other time.Duration) time.Duration {
	if !t.Set {
		return other
	}
	return time.Duration(min(t.Nanoseconds, uint64(other)))
}

// Exchange is a request that a component is to answer, and who asks.
type Exchange struct {
	Request *Request
	Asker
}

// Asker is who asks. Its methods are called on the component's fiber, and do not block.
type Asker interface {
	// Answer is called once: with the response, or with why there is none, such as an *Error of the component's.
	Answer(*Response, error)
	// Done is called once, after Answer: when the component's handler has exited and the bodies of both messages have ended, or
	// the component has.
	Done()
}
