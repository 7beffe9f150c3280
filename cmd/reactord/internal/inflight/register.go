package inflight

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// method is what is known of a method of the API.
type method struct {
	name          string // /package.service/method
	maxBytes      int    // the largest message
	clientStreams bool
	waits         bool // its calls may wait for any time
	status        func(context.Context, error) error
}

// factor returns about how many times the length of its message a call takes up: received, put together and
// decoded, and for a unary call also hashed, encoded and stored.
func (m *method) factor() int64 {
	if m.clientStreams {
		return 3
	}
	return 6
}

// Registrar registers services with the server of a gate.
type Registrar struct {
	*grpc.Server
	Gate *Gate
	// MaxBytes has the largest messages of methods that accept large ones, by full name; Default is the
	// bound for all others.
	MaxBytes map[string]int
	Default  int
	// Waits are the methods whose calls may wait for any time, besides streams.
	Waits map[string]bool
	// Status converts an error to a gRPC status.
	Status func(context.Context, error) error
}

// RegisterService implements grpc.ServiceRegistrar.
func (r Registrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	d := *desc
	d.Methods = nil
	for _, m := range desc.Methods {
		m.Handler = r.unary(r.add(desc.ServiceName, m.MethodName, false), m.Handler)
		d.Methods = append(d.Methods, m)
	}
	d.Streams = nil
	for _, s := range desc.Streams {
		s.Handler = r.stream(r.add(desc.ServiceName, s.StreamName, s.ClientStreams), s.Handler)
		d.Streams = append(d.Streams, s)
	}
	r.Server.RegisterService(&d, impl)
}

// add makes a method known to the gate, and returns its full name.
func (r Registrar) add(service, name string, clientStreams bool) string {
	m := &method{name: "/" + service + "/" + name, maxBytes: r.Default, clientStreams: clientStreams, status: r.Status}
	m.waits = r.Waits[m.name]
	if most, ok := r.MaxBytes[m.name]; ok {
		m.maxBytes = most
	}
	r.Gate.methods[m.name] = m
	return m.name
}

// unary wraps the handler of a method with one message each way.
func (r Registrar) unary(name string, handle grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (_ any, err error) {
		defer func() { r.Gate.end(name, err) }()
		c, err := startCall(ctx)
		if err != nil {
			return nil, err
		}
		defer c.finish(ctx)
		answer, err := c.serve(ctx, dec, func(receive func(any) error) (any, error) {
			return handle(srv, ctx, receive, interceptor)
		})
		if err != nil {
			return nil, r.Status(ctx, err)
		}
		return answer, nil
	}
}

// serve handles a call with one message each way.
func (s *call) serve(ctx context.Context, dec func(any) error, handle func(receive func(any) error) (any, error)) (*wire, error) {
	work, ok := s.conn.work.Take(ctx, 1, s.conn.gate.limits.Patience)
	if !ok {
		return nil, s.refusal(ctx, 1)
	}
	done := sync.OnceFunc(work.Release)
	defer done()
	resp, err := handle(func(m any) error {
		err := s.receive(ctx, m, dec)
		if s.method.waits {
			done()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, resp, done)
}

// stream wraps the handler of a streaming method.
func (r Registrar) stream(name string, handle grpc.StreamHandler) grpc.StreamHandler {
	return func(srv any, inner grpc.ServerStream) (err error) {
		defer func() { r.Gate.end(name, err) }()
		c, err := startCall(inner.Context())
		if err != nil {
			return err
		}
		defer c.finish(inner.Context())
		ctx := inner.Context()
		work, ok := c.conn.work.Take(ctx, 1, r.Gate.limits.Patience)
		if !ok {
			return r.Status(ctx, c.refusal(ctx, 1))
		}
		s := &stream{ServerStream: inner, call: c, onFirst: sync.OnceFunc(work.Release)}
		defer s.onFirst()
		return handle(srv, s)
	}
}

// startCall returns the call of a handler that is being entered.
func startCall(ctx context.Context) (*call, error) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok || !c.start() {
		return nil, context.Canceled
	}
	return c, nil
}

// stream is a server stream whose messages are paid for from the gate's pools.
type stream struct {
	grpc.ServerStream
	call    *call
	onFirst func() // called once the first message has come, or will never come
}

// RecvMsg implements grpc.ServerStream.
func (s *stream) RecvMsg(m any) error {
	defer s.onFirst()
	return s.call.receive(s.Context(), m, s.ServerStream.RecvMsg)
}

// SendMsg implements grpc.ServerStream.
func (s *stream) SendMsg(m any) error {
	answer, err := s.call.answer(s.Context(), m, func() {})
	if err != nil {
		return err
	}
	h, err := s.call.holdForSend(s.Context(), answer)
	if err != nil {
		answer.bytes.Free()
		return err
	}
	defer h.Release()
	return s.ServerStream.SendMsg(answer)
}
