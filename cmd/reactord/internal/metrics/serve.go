package metrics

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
)

// The bounds of a Server.
const (
	// maxConnections bounds the connections, on a machine that has descriptors for them.
	maxConnections = 256
	// patience is how long a new connection waits if all others have just come, or pages are being made for them, and turnTime how long a request waits for its
	// turn; then it is refused.
	patience = time.Second
	turnTime = 5 * time.Second
	// maxPages is how many pages are made at a time; others wait for their turn. Those that come while figures are read
	// get what is being read. A page that is made has left this place to others, however slowly it is read.
	maxPages = 4
	// pageTime is how long a page may take; a reader that is slower loses its connection.
	pageTime    = 10 * time.Second
	headTime    = 5 * time.Second
	idleTime    = 2 * time.Minute // more than the usual interval between two scrapes
	maxHeadSize = 8 << 10
)

// Path is where the page is.
const Path = "/metrics"

// Server serves the page over HTTP.
type Server struct {
	http  http.Server
	conns *conns.Set
}

// NewServer makes a server of m for those whom admit accepts by the values of the header Authorization; each that it refuses is told
// why and how to do better. It serves once Serve is called. It logs when it has no more room for connections, and when it has again.
func NewServer(m *Metrics, admit func(authorization []string) error, log *zap.Logger) *Server {
	page := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry:          m.registry,
		CoalesceGather:    true,
		EnableOpenMetrics: true,
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, buffered(inTurn(page)))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "metrics are at "+Path, http.StatusNotFound)
	})
	return &Server{
		conns: conns.NewSet(conns.Share(16, maxConnections), patience, log.With(zap.String("of", "metrics"))),
		http: http.Server{
			Handler:           admitted(admit, mux),
			ConnContext:       conns.Context,
			ReadHeaderTimeout: headTime,
			ReadTimeout:       headTime,
			WriteTimeout:      pageTime,
			IdleTimeout:       idleTime,
			MaxHeaderBytes:    maxHeadSize,
			ErrorLog:          stdlog.New(io.Discard, "", 0), // of clients that break off or speak another protocol
		},
	}
}

// admitted passes on the requests that admit accepts. The connections of others are closed, so that they take no place.
func admitted(admit func(authorization []string) error, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := admit(r.Header.Values("Authorization")); err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="reactord metrics"`)
			w.Header().Set("Connection", "close")
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// buffered answers with what next has written, once that has returned. So next does not wait for a reader, and the connection is idle
// while the answer is written.
func buffered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, conn := &buffer{ResponseWriter: w, status: http.StatusOK}, conns.Of(r.Context())
		conn.Begin()
		next.ServeHTTP(b, r)
		conn.End()
		if conn.Crowded() {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(b.status)
		_, _ = w.Write(b.body)
	})
}

// inTurn has next answer maxPages requests at a time, in the order in which they come. A connection has one request at a time, so one
// that sends many waits like all others.
func inTurn(next http.Handler) http.Handler {
	turns := make(chan struct{}, maxPages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), turnTime)
		defer cancel()
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			next.ServeHTTP(w, r)
		case <-ctx.Done():
			http.Error(w, "too many requests at a time: try again", http.StatusServiceUnavailable)
		}
	})
}

// buffer is a ResponseWriter that keeps the answer.
type buffer struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (b *buffer) WriteHeader(status int) { b.status = status }

func (b *buffer) Write(p []byte) (int, error) {
	b.body = append(b.body, p...)
	return len(p), nil
}

// Serve serves at l until Stop is called, then returns nil. It speaks TLS if config is not nil.
func (s *Server) Serve(l net.Listener, config *tls.Config) error {
	l = s.conns.Listener(l)
	if config != nil {
		l = tls.NewListener(l, config)
	}
	err := s.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stop closes the listener, and the connections once the pages under way are written, or when ctx ends.
func (s *Server) Stop(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}
