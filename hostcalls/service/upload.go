package service

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// upload is the body of a request, which goes to the component as far as that reads it.
//
// If the component has not read all of it when the response has gone out, the rest of it must not be taken for the next request on
// the connection: a little is skipped, or else the connection takes no others. Package net/http does not do that for a handler
// that reads while it writes.
type upload struct {
	from    *http.Request
	control *http.ResponseController
	start   time.Time
	drag    drag

	mu     sync.Mutex
	ended  bool
	filler chan struct{} // closed when nobody reads from the client any more; nil: nobody did
	whole  atomic.Bool   // all was read
}

const (
	// skipped is how much is read of a body that the component has not asked for, and skipTime how long that may take.
	skipped  = 64 << 10
	skipTime = 500 * time.Millisecond
)

// begin makes the body of a request for the component.
func (u *upload) begin(from *http.Request, control *http.ResponseController, start time.Time) *wasihttp.Body {
	u.from, u.control, u.start = from, control, start
	if from.ContentLength == 0 {
		return wasihttp.Empty()
	}
	_ = control.EnableFullDuplex() // of HTTP/1: otherwise all of the body is read before a response goes out
	return wasihttp.NewBodyOf(from.ContentLength, true, u.read)
}

// read begins to read from the client: the component does.
func (u *upload) read(b *wasihttp.Body) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		b.Fail(errGone)
		return
	}
	u.filler = make(chan struct{})
	go u.fill(b, u.filler)
}

func (u *upload) fill(b *wasihttp.Body, filled chan struct{}) {
	defer close(filled)
	b.Fill(context.Background(), (*uploadReader)(u), func() (*wasihttp.Fields, error) {
		if len(u.from.Trailer) == 0 {
			return nil, nil //nolint:nilnil // there are none
		}
		return wasihttp.FieldsOf(u.from.Trailer)
	})
}

// uploadReader is an upload as it is read.
type uploadReader upload

// Read implements io.Reader.
func (r *uploadReader) Read(p []byte) (int, error) {
	r.drag.begin(time.Since(r.start))
	n, err := r.from.Body.Read(p)
	r.drag.end(time.Since(r.start), n)
	if errors.Is(err, io.EOF) {
		r.whole.Store(true)
	}
	return n, err
}

// end is called when the response has gone out, and the body was failed if it had not ended. Nobody reads it when it returns.
func (u *upload) end() {
	if u.from.ContentLength == 0 {
		return
	}
	u.mu.Lock()
	u.ended = true
	filler := u.filler
	u.mu.Unlock()
	stopped := false
	if filler == nil {
		u.skip()
	} else {
		select {
		case <-filler:
		default:
			if stopped = !u.whole.Load(); stopped { // otherwise it reads no more, and is about to end
				_ = u.control.SetReadDeadline(time.Now())
			}
			<-filler
		}
	}
	// Of HTTP/1, net/http takes a read that was stopped for the end of the connection, and then all requests on it are over. Streams of
	// HTTP/2 end by themselves.
	if (stopped || !u.whole.Load()) && u.from.ProtoMajor == 1 {
		connOf(u.from.Context()).spoilt.Store(true)
	}
}

// skip reads what nobody wants, if it is little. If the client waits to be told to send it, net/http closes the connection.
func (u *upload) skip() {
	if u.from.ProtoMajor != 1 || u.from.ContentLength > skipped || u.from.Header.Get("Expect") != "" {
		return
	}
	if u.control.Flush() != nil {
		return
	}
	_ = u.control.SetReadDeadline(time.Now().Add(skipTime))
	_, _ = io.CopyN(io.Discard, (*uploadReader)(u), skipped)
}
