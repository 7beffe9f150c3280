package ui

import (
	"context"
	"crypto/tls"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
)

// The bounds of a server.
const (
	// maxConnections bounds the connections of browsers, on a machine that has descriptors for them. One browser has six, or one of
	// HTTP/2.
	maxConnections = 256
	// patience is how long a new connection waits if all others have calls at work, and a request for a place, before it is refused.
	patience = time.Second
	// maxRequests bounds the calls at a time that are admitted, and apart from them all other requests. Those that watch go on for long.
	maxRequests = 256
	// maxStreams bounds the requests of one connection of HTTP/2.
	maxStreams = 32
	// maxHeader bounds the head of a request. Browsers send the cookies of all ports of a host.
	maxHeader = 32 << 10
	// headTime is how long a browser may take for the head of a request, and for its body.
	headTime = 10 * time.Second
	// idleTime is how long a connection may have no request.
	idleTime = time.Minute
	// readTime is how long a browser may leave unread what is sent to it.
	readTime = 20 * time.Second
)

// Server serves the page.
type Server struct {
	http  *http.Server
	inner *inner
	conns *conns.Set
}

// New makes a server of the page. It answers to those who reach it by an IP address, as localhost, or by a name that names accepts.
// The server of the API decides about calls; those whose header Authorization admit refuses, which that server does then too, shut
// nobody out here. It logs when it has no more room for connections, and when it has again.
func New(names func(host string) bool, admit func(authorization []string) error, log *zap.Logger) (*Server, error) {
	files, err := newAssets()
	if err != nil {
		return nil, err
	}
	in := newInner()
	admitted := func(r *http.Request) bool { return isCall(r) && admit(r.Header.Values("Authorization")) == nil }
	calls, err := newBridge(in, admitted)
	if err != nil {
		return nil, err
	}
	s := &Server{inner: in, conns: conns.NewSet(conns.Share(16, maxConnections), patience, log.With(zap.String("of", "the page")))}
	s.http = &http.Server{
		Handler:           s.bounded(readTime, admitted, guarded(names, route(calls, files))),
		ReadHeaderTimeout: headTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnContext:       in.connContext,
		ConnState:         in.connState,
		ErrorLog:          stdlog.New(io.Discard, "", 0), // faults of clients: there is nobody to act on them
	}
	return s, nil
}

// Inner returns the listener by whose connections calls come to the server of the API, which has to serve it.
func (s *Server) Inner() net.Listener { return s.inner }

// Serve serves connections of l until Stop is called, then returns nil. Without config it speaks plain text.
func (s *Server) Serve(l net.Listener, config *tls.Config) error {
	l = s.conns.Listener(l)
	var err error
	if config == nil {
		err = s.http.Serve(l)
	} else {
		s.http.TLSConfig = config
		err = s.http.ServeTLS(l, "", "")
	}
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

// Stop accepts no more requests, lets those under way end until ctx is done, then closes their connections.
func (s *Server) Stop(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // the browsers are gone, or do not read
	}
	_ = s.inner.Close()
}

// route has calls answer requests with a method of the API, and files the others.
func route(calls, files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isCall(r) {
			calls.ServeHTTP(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
}

// bounded bounds the requests at a time, those that are admitted apart from all others, and how long a browser may leave an answer unread.
func (s *Server) bounded(reads time.Duration, admitted func(*http.Request) bool, next http.Handler) http.Handler {
	known, others := make(chan struct{}, maxRequests), make(chan struct{}, maxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		places, conn := others, conns.Of(r.Context())
		if admitted(r) {
			places = known
			conn.Prove()
		}
		if conn.Crowded() {
			w.Header().Set("Connection", "close")
		}
		if !s.enter(r.Context(), places) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests at a time: try again", http.StatusServiceUnavailable)
			return
		}
		defer func() { <-places }()
		next.ServeHTTP(&timely{w, http.NewResponseController(w), reads}, r)
	})
}

// enter takes a place for a request. If there is none, a connection without the token leaves: with HTTP/2 each may hold many.
func (s *Server) enter(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	s.conns.Shed()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// timely breaks a response off that its client does not read.
type timely struct {
	http.ResponseWriter
	conn     *http.ResponseController
	patience time.Duration
}

// Unwrap is for http.ResponseController.
func (t *timely) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Write implements http.ResponseWriter.
func (t *timely) Write(p []byte) (n int, err error) {
	err = t.within(func() (err error) {
		n, err = t.ResponseWriter.Write(p)
		return err
	})
	return n, err
}

// Flush implements http.Flusher.
func (t *timely) Flush() { _ = t.within(t.conn.Flush) } // a later write has the same fault

// within runs write with a deadline, and takes that back: one of HTTP/2 would end a response that has nothing to send.
func (t *timely) within(write func() error) error {
	if err := t.conn.SetWriteDeadline(time.Now().Add(t.patience)); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return t.conn.SetWriteDeadline(time.Time{})
}
