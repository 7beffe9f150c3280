package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"mime"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"connectrpc.com/vanguard"

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// maxRequestBytes bounds the body of a request. The largest are lists of ids.
	maxRequestBytes = 64 << 10
	// maxAnswerBytes bounds one message of an answer, as JSON: a page of the API's, of which each byte may be written as six.
	maxAnswerBytes = 24 << 20
	// maxLarge bounds the large answers that are made and sent at a time. Others wait.
	maxLarge = 4
	// maxStreamed bounds the streams. Each has one message at a time, and a page that is looked at has one or two streams.
	maxStreamed = 64
)

// cost is what a call may take up.
type cost int

// The costs.
const (
	small    cost = iota
	large         // an answer of several MiB
	streamed      // an answer that goes on
)

// methods has what the page may call: what reads, and what cancels. Nothing submits, grants, or drains, so that whoever can reach the
// page alone, with --insecure-no-auth, runs nothing.
var methods = map[string]cost{
	reactorv1.NodeService_GetNode_FullMethodName:             small,
	reactorv1.NodeService_GetStats_FullMethodName:            small,
	reactorv1.WorkloadService_ListWorkloads_FullMethodName:   large,
	reactorv1.WorkloadService_WatchWorkloads_FullMethodName:  streamed,
	reactorv1.WorkloadService_GetWorkload_FullMethodName:     large,
	reactorv1.WorkloadService_ReadLogs_FullMethodName:        streamed,
	reactorv1.WorkloadService_ListOps_FullMethodName:         large,
	reactorv1.WorkloadService_SummarizeOps_FullMethodName:    large,
	reactorv1.WorkloadService_CancelWorkloads_FullMethodName: small,
}

// bridge turns requests of the Connect protocol into calls of gRPC.
type bridge struct {
	admitted   func(*http.Request) bool
	transcoder http.Handler
	places     map[cost]chan struct{} // each holds an element for each call of that cost
}

// newBridge makes a bridge whose calls go by a transport, to a server that refuses those that are not admitted.
func newBridge(calls http.RoundTripper, admitted func(*http.Request) bool) (*bridge, error) {
	proxy := &httputil.ReverseProxy{
		Rewrite:       toCall,
		Transport:     calls,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // the page is told
	}
	var services []*vanguard.Service
	for _, name := range []string{reactorv1.NodeService_ServiceDesc.ServiceName, reactorv1.WorkloadService_ServiceDesc.ServiceName} {
		services = append(services, vanguard.NewService(name, proxy,
			vanguard.WithTargetProtocols(vanguard.ProtocolGRPC),
			vanguard.WithTargetCodecs(vanguard.CodecProto),
			vanguard.WithNoTargetCompression(),
			vanguard.WithMaxMessageBufferBytes(maxAnswerBytes)))
	}
	transcoder, err := vanguard.NewTranscoder(services, vanguard.WithCodec(newJSON))
	if err != nil {
		return nil, err
	}
	return &bridge{admitted, transcoder, map[cost]chan struct{}{
		large:    make(chan struct{}, maxLarge),
		streamed: make(chan struct{}, maxStreamed),
	}}, nil
}

// newJSON makes a codec that leaves out fields that are empty, which nearly all are.
func newJSON(types vanguard.TypeResolver) vanguard.Codec {
	codec := vanguard.NewJSONCodec(types)
	codec.MarshalOptions.EmitUnpopulated = false
	return codec
}

// isCall reports whether a request is for a method of the API.
func isCall(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/reactor.v1.") }

// toCall makes the request that goes to the server of the API. It has no headers but those of gRPC and the token: a browser's would
// not fit.
func toCall(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "reactord", "reactord"
	p.Out.Header = make(http.Header)
	for _, name := range []string{"Authorization", "Content-Type", "Te", "Grpc-Timeout"} {
		if values := p.In.Header.Values(name); len(values) > 0 {
			p.Out.Header[name] = values
		}
	}
}

// ServeHTTP implements http.Handler.
func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cost, ok := methods[r.URL.Path]
	if !ok {
		refuse(w, http.StatusNotFound, "unimplemented", "the page has no method "+r.URL.Path+": call it over gRPC")
		return
	}
	if !isConnect(r) {
		refuse(w, http.StatusUnsupportedMediaType, "invalid_argument", "this address takes calls of the Connect protocol as JSON, not compressed")
		return
	}
	if !readBody(w, r) {
		return
	}
	if b.admitted(r) {
		call := begin(w, r)
		defer call.end()
		w = call
	} else {
		cost = small // it is refused
	}
	leave, ok := b.enter(r.Context(), cost)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, "resource_exhausted", "too many pages are open: close some, or try again")
		return
	}
	defer leave()
	b.transcoder.ServeHTTP(w, r)
}

// work answers a call that is admitted. Its connection is idle while a part of the answer waits for the browser.
type work struct {
	http.ResponseWriter
	flush func() error
	conn  *conns.Conn
}

// begin begins work, which the caller ends.
func begin(w http.ResponseWriter, r *http.Request) *work {
	call := &work{w, http.NewResponseController(w).Flush, conns.Of(r.Context())}
	call.conn.Begin()
	return call
}

func (w *work) end() { w.conn.End() }

// Write implements http.ResponseWriter.
func (w *work) Write(p []byte) (int, error) {
	w.conn.End()
	defer w.conn.Begin()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *work) Flush() {
	w.conn.End()
	defer w.conn.Begin()
	_ = w.flush() // a later write has the same fault
}

// enter takes a place for a call. Large answers wait for one; a stream would wait for long.
func (b *bridge) enter(ctx context.Context, cost cost) (leave func(), ok bool) {
	places := b.places[cost]
	leave = func() { <-places }
	switch cost {
	case large:
		select {
		case places <- struct{}{}:
			return leave, true
		case <-ctx.Done():
			return nil, false
		}
	case streamed:
		select {
		case places <- struct{}{}:
			return leave, true
		default:
			return nil, false
		}
	default:
		return func() {}, true
	}
}

// isConnect reports whether a request is one of the Connect protocol as the page makes them. Its types of content are none that a
// form has, so a browser asks before it sends such a request to another origin, and is not answered.
func isConnect(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	known := kind == "application/json" || kind == "application/connect+json"
	plain := r.Header.Get("Content-Encoding") == "" && r.Header.Get("Connect-Content-Encoding") == ""
	r.Header.Del("Accept-Encoding") // answers are not compressed: most browsers are on the same machine
	r.Header.Del("Connect-Accept-Encoding")
	return err == nil && known && plain && r.Method == http.MethodPost && r.Header.Get("Connect-Protocol-Version") == "1"
}

// readBody reads the body of a request whole, within a time. It answers if it cannot.
func readBody(w http.ResponseWriter, r *http.Request) bool {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(headTime)) // unless the connection has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "resource_exhausted", "the request is too large, or did not come: "+err.Error())
		return false
	}
	_ = conn.SetReadDeadline(time.Time{})
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return true
}

// refuse answers with an error of the Connect protocol.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": message}) // whoever left is not told
}
