package wasip3

import (
	"errors"

	cabi "github.com/reactord/reactord/component/abi"
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
// component.Store.Do. cancel asks the component to give up, and is for such jobs too. An error of both ends the store; the
// functions of the exchange are called even so.
func Handle(s *component.Store, export string, x *wasihttp.Exchange) (cancel func() error, err error) {
	h := &handling{host: &s.Host().(hosted).WASIP3().host, Exchange: x}
	var ok bool
	if h.fields, ok = wasi.NewHTTPFields(s, x.Request.Fields); !ok {
		x.Answer(nil, &wasihttp.Error{Code: wasihttp.RequestHeaderSectionSize})
		x.Done()
		return func() error { return nil }, nil
	}
	i := &component.Invocation{Pass: h.pass, Take: h.take, Exited: h.exit}
	return i.Cancel, s.StartCall(export, i)
}

// handling is a call of a component's handler.
type handling struct {
	*wasihttp.Exchange
	host              *host
	fields            *wasi.HTTPFields // of the request, until it is the component's
	answered, replied bool             // there is an answer; what it consists of has ended
	exited            bool
}

const (
	requestName  = "wasi:http/types#request"
	responseName = "wasi:http/types#response"
)

var errOtherTypes = errors.New("its parameter and its result are not those of wasi:http/types")

// pass writes the request.
func (h *handling) pass(to *cabi.Writer) {
	c := component.NewCall(h.host.store, cabi.Reader{}, cabi.Writer{})
	if h.host.store.HostResource(to.Type()) != requestName {
		c.Trap("%s: %v", HandlerInterface, errOtherTypes)
	}
	r := &request{
		message: message{fields: h.fields, content: content{host: h.host, body: h.Request.Body}},
		method:  h.Request.Method, scheme: h.Request.Scheme, authority: h.Request.Authority, path: h.Request.PathWithQuery,
		options: h.Request.Options,
	}
	h.fields = nil
	to.Own(give(call{c, h.host}, &h.host.requests, r))
}

// take reads the result.
func (h *handling) take(from *cabi.Reader) {
	if !from.OK() {
		h.answer(nil, wasihttp.ReadError(from))
		h.replied = true
		return
	}
	c := component.NewCall(h.host.store, cabi.Reader{}, cabi.Writer{})
	if h.host.store.HostResource(from.Type()) != responseName {
		c.Trap("%s: %v", HandlerInterface, errOtherTypes)
	}
	r := take(c, &h.host.responses, from.Own())
	body, err := r.content.send(r.fields.Fields, false, func() {
		h.replied = true
		h.finish()
	})
	r.fields.Release()
	if err != nil {
		h.answer(nil, err)
		h.replied = true
		return
	}
	h.answer(&wasihttp.Response{Status: r.status, Fields: r.fields.Fields, Body: body}, nil)
}

func (h *handling) answer(r *wasihttp.Response, err error) {
	h.answered = true
	h.Answer(r, err)
}

var errNoAnswer = &wasihttp.Error{Code: wasihttp.InternalError, Text: "the handler has ended without an answer"}

// exit is called when the handler has exited, or the store is closed.
func (h *handling) exit(err error) {
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
