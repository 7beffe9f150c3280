package wasihttp

// Sender sends requests of components.
type Sender interface {
	// Send begins to send a request. answer is called once, on any goroutine, with the response or an error, unless cancel was
	// called before. It owns the body of the request. It does not block.
	Send(r *Request, answer func(*Response, error)) (cancel func())
}

// NoSender refuses all requests.
type NoSender struct{}

// Send implements Sender.
func (NoSender) Send(r *Request, answer func(*Response, error)) (cancel func()) {
	err := &Error{Code: RequestDenied}
	r.Body.Close(err)
	answer(nil, err)
	return func() {}
}
