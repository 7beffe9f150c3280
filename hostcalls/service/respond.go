package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/internal/clip"
)

// serveHTTP answers a request, on its connection's goroutine.
func (s *supervisor) serveHTTP(w http.ResponseWriter, from *http.Request) {
	start := time.Now()
	c := connOf(from.Context())
	if c.spoilt.Load() {
		panic(http.ErrAbortHandler) // it is the rest of a body
	}
	v := &serving{}
	out, r := &v.response, &v.request
	*out = response{w: w, from: from, control: *http.NewResponseController(w), start: start}
	defer func() {
		if s.config.Serve.AccessLog {
			s.logAccess(out, start)
		}
		s.config.Served.Answer(out.class())
		out.end()
		c.onEnd(start, from.Context().Err() == nil)
		if out.aborted {
			panic(http.ErrAbortHandler) // net/http breaks the stream or connection off
		}
	}()
	if c.ambiguous(from) {
		w.Header().Set("Connection", "close")
	}
	switch { // package net/http checks requests of HTTP/1 only
	case len(from.Method) > maxMethod || !httpguts.ValidHeaderFieldName(from.Method):
		out.fail(http.StatusBadRequest, "the method is not valid")
		return
	case !httpguts.ValidHostHeader(from.Host):
		out.fail(http.StatusBadRequest, "the host is not valid")
		return
	case from.Method == http.MethodConnect:
		out.fail(http.StatusNotImplemented, "this service is no proxy")
		return
	case from.URL.Path == "*" && from.Method != http.MethodOptions:
		out.fail(http.StatusBadRequest, "only OPTIONS can be asked of *")
		return
	}
	if t := s.config.Tracer; t != nil {
		r.traced = t.Received(from)
		defer func() { r.traced.End(out.status, out.failure()) }()
	}
	fields, err := wasihttp.FieldsOf(from.Header)
	if err != nil {
		out.fail(http.StatusRequestHeaderFieldsTooLarge, "the header fields are too large, or not valid: "+err.Error())
		return
	}
	r.start, r.due = start, start.Add(s.timeout)
	r.in, r.out = &v.upload, out
	body := v.upload.begin(from, &out.control, start)
	body.Describe(r)
	r.message = wasihttp.Request{
		Method: from.Method, Scheme: scheme(from), Authority: from.Host, PathWithQuery: target(from), Fields: fields, Body: body,
	}
	s.exchange(out, r)
	body.Fail(errGone) // unless it has ended
	v.upload.end()
}

// serving is what there is for a request.
type serving struct {
	request  request
	upload   upload
	response response
}

// exchange has a request answered.
func (s *supervisor) exchange(out *response, r *request) {
	if !s.admit(r) {
		out.failFull()
		return
	}
	// Both are set anew for the next request of the connection.
	if out.from.ContentLength != 0 {
		_ = out.control.SetReadDeadline(r.due.Add(deadlineSlack))
	}
	_ = out.control.SetWriteDeadline(r.due.Add(deadlineSlack))
	ok := false
	select {
	case a := <-r.answered:
		if errors.Is(a.err, errFull) {
			out.failFull()
			return
		}
		ok = s.pass(out, r, a)
	case <-out.from.Context().Done():
		out.aborted = true
	}
	if ok {
		r.leave()
		return
	}
	s.mu.Lock()
	s.counts.Failed++
	s.mu.Unlock()
	r.giveUp()
}

// errText is the answer if the component has none.
const errText = "the service failed to answer"

// pass passes on what the component has answered. It reports whether all of that has gone out.
func (s *supervisor) pass(out *response, r *request, a answer) bool {
	if a.response != nil {
		s.mu.Lock()
		s.answers = true
		s.mu.Unlock()
	}
	switch {
	case errors.Is(a.err, errLate):
		why := "no answer within %v"
		if s.queues(r) {
			why = "no instance was free within %v: all have requests"
		}
		out.fail(http.StatusGatewayTimeout, fmt.Sprintf(why, s.timeout))
		return false
	case errors.Is(a.err, errSlow):
		out.failSlow()
		return false
	}
	if a.err != nil {
		if failure, ok := errors.AsType[*wasihttp.Error](a.err); ok { // others are told with the instance
			s.tell("%s: %v", r, failure)
		}
		out.fail(http.StatusInternalServerError, errText)
		return false
	}
	if a.response.Status < 200 {
		s.tell("%s: the status %d is not one of an answer", r, a.response.Status)
		a.response.Body.Close(&wasihttp.Error{Code: wasihttp.ProtocolError})
		out.fail(http.StatusInternalServerError, errText)
		return false
	}
	if !out.begin() {
		a.response.Body.Close(errGone)
		out.failSlow()
		return false
	}
	err := out.send(a.response, r.due)
	if failure, ok := errors.AsType[*wasihttp.Error](err); ok { // the component's, others are the client's
		s.tell("%s: the response has ended: %v", r, failure)
	}
	return err == nil
}

// response is what goes out for a request.
type response struct {
	w       http.ResponseWriter
	from    *http.Request
	control http.ResponseController
	start   time.Time
	status  int
	sent    int64 // bytes of the body
	aborted bool  // it is to be broken off
	drag    drag

	mu     sync.Mutex // guards the fields below
	late   bool       // it is broken off since the client is slow
	begun  bool       // the response goes out, and its goroutine may wait for the client
	ended  bool       // nothing may be done to the connection any more
	cancel func()     // ends the wait for the body of the component; nil: nobody waits
}

// errBrokenOff is of a response that was not sent to its end.
var errBrokenOff = errors.New("the response was broken off")

// failure returns why the response has failed, beside what its status says.
func (o *response) failure() error {
	if o.aborted {
		return errBrokenOff
	}
	return nil
}

// breakOff ends a response to a client that is too slow, from any goroutine. If nothing has gone out yet the client is told.
func (o *response) breakOff() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.late || o.ended {
		return
	}
	o.late = true
	if o.begun {
		_ = o.control.SetWriteDeadline(time.Now())
	}
	if o.cancel != nil {
		o.cancel()
	}
}

// begin is called before something of the component goes out. It reports false if the response was broken off.
func (o *response) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun = !o.late
	return o.begun
}

// onBreak has cancel called if the response is broken off.
func (o *response) onBreak(cancel func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cancel = cancel; o.late {
		cancel()
	}
}

// end is called before the connection goes to another request.
func (o *response) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

// class is what became of the request, at its end.
func (o *response) class() abi.ResponseClass {
	if o.aborted {
		return abi.BrokenOff
	}
	return abi.ClassOf(o.status)
}

// fail sends an answer of the host's.
func (o *response) fail(status int, why string) {
	o.status = status
	h := o.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(why)+1))
	o.w.WriteHeader(status)
	n, _ := io.WriteString(o.w, why+"\n")
	o.sent += int64(n)
}

// failFull sends the answer if there is no room for the request.
func (o *response) failFull() {
	o.w.Header().Set("Retry-After", "1")
	o.fail(http.StatusServiceUnavailable, errFull.Error())
}

// failSlow sends the answer to a client that is too slow.
func (o *response) failSlow() {
	o.w.Header().Set("Connection", "close")
	o.fail(http.StatusRequestTimeout, "the body of the request comes too slowly, while others wait for their turn")
}

// buffers are for bodies that go out.
var buffers = sync.Pool{New: func() any { return new([wasihttp.BodyBytes]byte) }}

// send sends a response, and returns why not all of it has gone out by a time: a *wasihttp.Error if its body has failed.
func (o *response) send(from *wasihttp.Response, due time.Time) error {
	body := from.Body
	o.status = from.Status
	if o.from.Method == http.MethodHead || from.Status == http.StatusNoContent || from.Status == http.StatusNotModified {
		o.head(from)
		o.w.WriteHeader(from.Status)
		body.Close(nil)
		return nil
	}
	if err := o.sendBody(from, due); err != nil {
		body.Close(errGone)
		return err
	}
	body.Close(nil)
	return nil
}

// head sets the header fields of a response.
func (o *response) head(from *wasihttp.Response) {
	h := o.w.Header()
	from.Fields.Copy(h)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess
	}
}

// sendBody sends a response with a body, and then the trailers. What has come goes out before more is waited for.
func (o *response) sendBody(from *wasihttp.Response, due time.Time) error {
	buffer := buffers.Get().(*[wasihttp.BodyBytes]byte)
	defer buffers.Put(buffer)
	read := from.Body.Reader()
	n, err := read.Read(buffer[:])
	for err == nil && n < len(buffer) {
		var more int
		more, err = read.Read(buffer[n:])
		n += more
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, hostcalls.ErrWouldBlock) {
		o.fail(http.StatusInternalServerError, errText)
		return err
	}
	o.head(from)
	if h := o.w.Header(); errors.Is(err, io.EOF) && h["Content-Length"] == nil && from.Body.Trailers() == nil {
		h["Content-Length"] = []string{strconv.Itoa(n)}
	}
	o.w.WriteHeader(from.Status)
	if err = o.write(buffer[:n], err); err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
		ctx, cancel := context.WithDeadline(o.from.Context(), due)
		defer cancel()
		o.onBreak(cancel)
		for err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
			if errors.Is(err, hostcalls.ErrWouldBlock) {
				if err = o.flush(); err != nil {
					break
				}
				n, err = hostcalls.ReadContext(ctx, read, buffer[:])
			} else {
				n, err = read.Read(buffer[:])
			}
			err = o.write(buffer[:n], err)
		}
	}
	if !errors.Is(err, io.EOF) {
		o.aborted = true
		return err
	}
	o.trail(from.Body.Trailers())
	return nil
}

// write writes what was read with an error, and returns that error, unless writing fails.
func (o *response) write(p []byte, err error) error {
	if len(p) == 0 {
		return err
	}
	o.drag.begin(time.Since(o.start))
	n, failed := o.w.Write(p)
	o.drag.end(time.Since(o.start), n)
	o.sent += int64(n)
	if failed != nil {
		return failed
	}
	return err
}

// flush has what was written go out.
func (o *response) flush() error {
	o.drag.begin(time.Since(o.start))
	defer func() { o.drag.end(time.Since(o.start), 0) }()
	return o.control.Flush()
}

// trail sets the trailers.
func (o *response) trail(trailers *wasihttp.Fields) {
	if trailers == nil {
		return
	}
	h := o.w.Header()
	for name, values := range trailers.Trailer() {
		h[http.TrailerPrefix+name] = values
	}
}

// maxMethod is how long a method may be.
const maxMethod = 64

// name is what a request is called for people: its method and its path, without the query. It is printable.
func name(r *http.Request) string {
	const most = 256
	method := r.Method
	if len(method) > maxMethod || !httpguts.ValidHeaderFieldName(method) {
		method = "?"
	}
	return method + " " + clip.Text(r.URL.EscapedPath(), most)
}

// target is the path of a request with its query.
func target(r *http.Request) string {
	if r.URL.Path == "*" {
		return ""
	}
	return escaped(r.URL.RequestURI())
}

// escaped escapes what is no ASCII: package net/url leaves queries as they are, and components get text.
func escaped(uri string) string {
	odd := func(c byte) bool { return c <= ' ' || c >= 0x7f }
	at := 0
	for at < len(uri) && !odd(uri[at]) {
		at++
	}
	if at == len(uri) {
		return uri
	}
	b := []byte(uri[:at])
	for _, c := range []byte(uri[at:]) {
		if odd(c) {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func scheme(r *http.Request) string {
	if connOf(r.Context()).secure != nil {
		return "https"
	}
	return "http"
}

// logAccess writes a line about a request to the standard error.
func (s *supervisor) logAccess(o *response, start time.Time) {
	status := strconv.Itoa(o.status)
	if o.aborted {
		status += " (broken off)"
	}
	s.tell("%s %s %s %s %d bytes in %v",
		o.from.RemoteAddr, name(o.from), o.from.Proto, status, o.sent, time.Since(start).Round(time.Microsecond))
}
