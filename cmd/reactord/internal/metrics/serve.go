package metrics

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// The bounds of a Server.
const (
	maxConnections = 32
	// maxPages is how many pages are made at a time; more requests are refused with 503. Those that come while figures are read
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
type Server struct{ http http.Server }

// NewServer makes a server of m for those whom admit accepts by the values of the header Authorization; each that it refuses is told
// why and how to do better. It serves once Serve is called.
func NewServer(m *Metrics, admit func(authorization []string) error) *Server {
	page := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry:            m.registry,
		MaxRequestsInFlight: maxPages,
		CoalesceGather:      true,
		EnableOpenMetrics:   true,
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, buffered(page))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "metrics are at "+Path, http.StatusNotFound)
	})
	return &Server{http.Server{
		Handler:           admitted(admit, mux),
		ReadHeaderTimeout: headTime,
		ReadTimeout:       headTime,
		WriteTimeout:      pageTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeadSize,
		ErrorLog:          log.New(io.Discard, "", 0), // of clients that break off or speak another protocol
	}}
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

// buffered answers with what next has written, once that has returned. So next does not wait for a reader.
func buffered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &buffer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(b, r)
		w.WriteHeader(b.status)
		_, _ = w.Write(b.body)
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
	l = netutil.LimitListener(l, maxConnections)
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
