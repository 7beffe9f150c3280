package wasip3

import (
	"errors"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// What a component exports that answers requests.
const (
	HandlerInterface = "wasi:http/handler"
	HandlerFunction  = "handle"
)

// Handle has the component of a store answer a request, by a function that it exports: export is its full name. It is for jobs of
// component.Store.Do. The call is nil if the request is answered already. An error ends the store; the functions of the exchange are
// called even so.
func Handle(s *component.Store, export string, x *wasihttp.Exchange) (call component.Ongoing, err error) {
	h := &handling{host: &s.Host().(hosted).WASIP3().host, Exchange: x}
	var ok bool
	if h.fields, ok = wasi.NewHTTPFields(s, x.Request.Fields); !ok {
		x.Answer(nil, &wasihttp.Error{Code: wasihttp.RequestHeaderSectionSize})
		x.Done()
		return nil, nil
	}
	return h, s.StartCall(export, &h.Invocation, h)
}

// handling is a call of a component's handler.
type handling struct {
	component.Invocation
	*wasihttp.Exchange
	host              *host
	fields            *wasi.HTTPFields // of the request, until it is the component's
	response          wasihttp.Response
	answered, replied bool // there is an answer; what it consists of has ended
	untold            bool // there is a response, which is told when all of it is there, or the store stops
	exited            bool
}

// Withdraw implements component.Ongoing.
func (h *handling) Withdraw() bool {
	ok := h.Invocation.Withdraw()
	if ok {
		h.fields.Release()
	}
	return ok
}

const (
	requestName  = "wasi:http/types#request"
	responseName = "wasi:http/types#response"
)

var errOtherTypes = errors.New("its parameter and its result are not those of wasi:http/types")

// Pass implements component.Invoker: it writes the request.
func (h *handling) Pass(c *component.Call) {
	if h.host.store.HostResource(c.Results.Type()) != requestName {
		c.Trap("%s: %v", HandlerInterface, errOtherTypes)
	}
	r := &request{
		message: message{fields: h.fields, content: content{host: h.host, body: h.Request.Body}},
		method:  h.Request.Method, scheme: h.Request.Scheme, authority: h.Request.Authority, path: h.Request.PathWithQuery,
		options: h.Request.Options,
	}
	h.fields = nil
	c.Results.Own(give(call{c, h.host}, &h.host.requests, r))
}

// Take implements component.Invoker: it reads the result.
func (h *handling) Take(c *component.Call) {
	if !c.Args.OK() {
		h.answer(nil, wasihttp.ReadError(&c.Args))
		h.replied = true
		return
	}
	if h.host.store.HostResource(c.Args.Type()) != responseName {
		c.Trap("%s: %v", HandlerInterface, errOtherTypes)
	}
	r := take(c, &h.host.responses, c.Args.Own())
	body, err := r.content.send(r.fields.Fields, false, func() {
		h.replied = true
		h.tell()
		h.finish()
	})
	r.fields.Release()
	if err != nil {
		h.answer(nil, err)
		h.replied = true
		return
	}
	h.response = wasihttp.Response{Status: r.status, Fields: r.fields.Fields, Body: body}
	h.answered, h.untold = true, true
	if h.replied {
		h.tell()
	} else {
		h.host.store.OnStop(h)
	}
}

// Stopped implements component.Watcher.
func (h *handling) Stopped() { h.tell() }

// tell tells the response, so that who has asked is woken once, and mostly has the body with it.
func (h *handling) tell() {
	if h.untold {
		h.untold = false
		h.Answer(&h.response, nil)
	}
}

func (h *handling) answer(r *wasihttp.Response, err error) {
	h.answered = true
	h.Answer(r, err)
}

var errNoAnswer = &wasihttp.Error{Code: wasihttp.InternalError, Text: "the handler has ended without an answer"}

// Exited implements component.Invoker: the handler has exited, or the store is closed.
func (h *handling) Exited(err error) {
	if !h.answered {
		h.replied = true
		if err == nil {
			err = errNoAnswer
		}
		h.answer(nil, err)
	}
	if h.fields != nil {
		h.fields.Release()
	}
	h.exited = true
	h.finish()
}

func (h *handling) finish() {
	if h.exited && h.replied {
		h.Done()
	}
}
