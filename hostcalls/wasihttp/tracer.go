package wasihttp

import (
	"context"
	"net/http"
)

// Tracer follows the requests that a process gets and sends, in traces. Its methods may be called from any goroutine, and do not block.
// They set the header fields by which a trace goes on. Without a tracer requests have the fields that they came with.
type Tracer interface {
	// Received is called with a request that has come for a component, before that has it.
	Received(r *http.Request) Traced
	// Sending is called with a request of a component, before it is sent. parent is Traced.Parent of the request that the component
	// sends it for; without a span if that is not known.
	Sending(parent context.Context, r *http.Request) Traced
}

// Traced is a request that is traced.
type Traced struct {
	// Parent has the request's span, for what is done for it.
	Parent context.Context //nolint:containedctx // it is passed on by way of the component
	// End is called once, when the request is over: with the status of the response, zero if there is none, and with why the
	// request has failed.
	End func(status int, err error)
}
