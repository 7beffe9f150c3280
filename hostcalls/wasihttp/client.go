package wasihttp

import "github.com/reactord/reactord/hostcalls"

// Sender sends requests of components.
type Sender interface {
	// Send begins to send a request, whose body it owns, and does not block. answer is called once, on any goroutine, perhaps
	// before Send returns: with the response or with an *Error. cancel gives the request up; it may be called at any time. op
	// describes what is waited for.
	Send(r *Request, answer func(*Response, error)) (op hostcalls.Op, cancel func())
}

// NoSender refuses all requests.
type NoSender struct{}

// Send implements Sender.
func (NoSender) Send(r *Request, answer func(*Response, error)) (op hostcalls.Op, cancel func()) {
	err := &Error{Code: RequestDenied}
	r.Body.Close(err)
	answer(nil, err)
	return hostcalls.Op{Kind: hostcalls.OpHTTP, Target: r.Authority}, func() {}
}
