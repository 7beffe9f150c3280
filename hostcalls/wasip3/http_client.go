package wasip3

import (
	"sync"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func httpClient() component.Interface {
	return component.Interface{
		Name: "wasi:http/client", Version: version,
		Types:     "use wasi:http/types.{request, response, error-code};",
		Functions: []component.Function{later("send", "async func(request: request) -> result<response, error-code>", send)},
	}
}

// sending is a request under way.
type sending struct {
	component.Operation
	host   *host
	cancel func()

	mu       sync.Mutex // guards the fields below
	response *wasihttp.Response
	err      error
	given    bool // up
}

// requestBytes is about what a request that is sent takes of the host's memory.
const requestBytes = 16 << 10

// send answers client.send.
func send(c call) {
	r := take(c.Call, &c.requests, c.Args.Own())
	made := &wasihttp.Request{
		Method: r.method, Scheme: r.scheme, Authority: r.authority, PathWithQuery: r.path, Fields: r.fields.Fields, Options: r.options,
	}
	var err error
	if made.Body, err = r.content.send(made.Fields, true, func() {}); err != nil {
		r.fields.Release()
		c.Results.Err()
		wasihttp.PutError(&c.Results, err)
		return
	}
	c.hold(requestBytes, "another HTTP request")
	s := &sending{host: c.host}
	s.Finish = func(c *component.Call) {
		r.fields.Release()
		s.host.store.Free(requestBytes)
		s.finish(call{c, s.host})
	}
	s.Cancel = func() {
		r.fields.Release()
		s.host.store.Free(requestBytes)
		s.giveUp()
	}
	c.Later(&s.Operation)
	s.Op, s.cancel = c.host.sender.Send(made, s.answer)
}

// answer keeps the response until the store takes it.
func (s *sending) answer(r *wasihttp.Response, err error) {
	s.mu.Lock()
	s.response, s.err = r, err
	gone := s.given
	s.mu.Unlock()
	if gone && r != nil {
		r.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
		return
	}
	s.Done()
}

// giveUp ends the request, and the response if it has come.
func (s *sending) giveUp() {
	s.mu.Lock()
	s.given = true
	r := s.response
	s.mu.Unlock()
	if r != nil {
		r.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
	}
	s.cancel()
}

// finish writes the result.
func (s *sending) finish(c call) {
	if s.err != nil {
		c.Results.Err()
		wasihttp.PutError(&c.Results, s.err)
		return
	}
	f, ok := wasi.NewHTTPFields(c.store, s.response.Fields)
	if !ok {
		s.response.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
		c.Results.Err()
		wasihttp.PutError(&c.Results, &wasihttp.Error{Code: wasihttp.ResponseHeaderSectionSize})
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.responses, &response{
		message: message{fields: f, content: content{host: c.host, body: s.response.Body}}, status: s.response.Status,
	}))
}
