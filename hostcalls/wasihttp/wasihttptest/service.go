package wasihttptest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Service answers requests by a store: an http.Handler.
type Service struct {
	Store   *component.Store
	handler versions.Handler
	ended   chan error

	mu   sync.Mutex // guards the fields below
	over bool
	open int // exchanges that are not done
	idle *sync.Cond
}

var _ http.Handler = (*Service)(nil)

// New starts a store of a component that has a handler. The test ends it.
func New(t testing.TB, x *executor.Executor, p *component.Program, config *abi.Config) *Service {
	t.Helper()
	h, ok := versions.FindHandler(p.Description().Exports)
	if !ok {
		t.Fatal("the component exports no handler")
	}
	config.Driver = x.Driver()
	store, err := p.NewStore(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{Store: store, handler: h, ended: make(chan error, 1)}
	s.idle = sync.NewCond(&s.mu)
	started := make(chan error, 1)
	if _, err := x.Spawn(executor.TaskSpec{Turn: store.Serve(func(err error) { started <- err }, s.end)}); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Service) end(err error) {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.ended <- err
}

// Stop ends the store, and returns with what it has ended.
func (s *Service) Stop() error {
	s.Store.Do(func() error { s.Store.Stop(); return nil })
	err := <-s.ended
	s.ended <- err
	return err
}

// Ended returns with what the store ends by itself.
func (s *Service) Ended() error {
	err := <-s.ended
	s.ended <- err
	return err
}

// Idle waits until all exchanges are done.
func (s *Service) Idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open > 0 {
		s.idle.Wait()
	}
}

// asker asks a component of a Service.
type asker struct {
	service *Service
	answer  func(*wasihttp.Response, error)
}

// Answer implements wasihttp.Asker.
func (a asker) Answer(r *wasihttp.Response, err error) { a.answer(r, err) }

// Done implements wasihttp.Asker.
func (a asker) Done() {
	s := a.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.idle.Broadcast()
}

// Do has the store begin to answer a request, whose answer goes to a function. cancel asks the component to give up, if it can be asked.
func (s *Service) Do(request *wasihttp.Request, answer func(*wasihttp.Response, error)) (cancel func()) {
	x := &wasihttp.Exchange{Request: request, Asker: asker{s, answer}}
	s.mu.Lock()
	over := s.over
	if !over {
		s.open++
	}
	s.mu.Unlock()
	if over {
		answer(nil, errors.New("the store has ended"))
		return func() {}
	}
	var call component.Ongoing
	s.Store.Do(func() (err error) {
		call, err = s.handler.Handle(s.Store, x)
		return err
	})
	return func() {
		s.Store.Do(func() error {
			if call == nil {
				return nil
			}
			return call.Cancel()
		})
	}
}

type answer struct {
	response *wasihttp.Response
	err      error
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 always is
	fields, err := wasihttp.FieldsOf(r.Header)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	var filling sync.WaitGroup
	body := wasihttp.NewBodyOf(r.ContentLength, true, func(b *wasihttp.Body) {
		filling.Go(func() {
			b.Fill(r.Context(), r.Body, func() (*wasihttp.Fields, error) {
				if len(r.Trailer) == 0 {
					return nil, nil
				}
				return wasihttp.FieldsOf(r.Trailer)
			})
		})
	})
	answers := make(chan answer, 1)
	cancel := s.Do(&wasihttp.Request{
		Method: r.Method, Scheme: "http", Authority: r.Host, PathWithQuery: r.URL.RequestURI(), Fields: fields, Body: body,
	}, func(r *wasihttp.Response, err error) { answers <- answer{r, err} })
	defer func() { // net/http does not read the rest of a body that it has given away
		body.Fail(context.Canceled)
		filling.Wait()
		_, _ = io.Copy(io.Discard, r.Body)
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			http.Error(w, a.err.Error(), http.StatusInternalServerError)
			return
		}
		write(r.Context(), w, a.response)
	case <-r.Context().Done():
		cancel()
		a := <-answers
		if a.response != nil {
			a.response.Body.Close(context.Canceled)
		}
	}
}

// write sends a response.
func write(ctx context.Context, w http.ResponseWriter, r *wasihttp.Response) {
	for name, values := range r.Fields.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(r.Status)
	body := r.Body.Stream(ctx)
	defer func() { _ = body.Close() }()
	piece := make([]byte, 4096)
	for {
		n, err := body.Read(piece)
		if n > 0 {
			if _, failed := w.Write(piece[:n]); failed != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
		if err != nil {
			break
		}
	}
	if _, err := body.Read(nil); err != nil && !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler)
	}
	if trailers := r.Body.Trailers(); trailers != nil {
		for name, values := range trailers.Header() {
			for _, value := range values {
				w.Header().Add(http.TrailerPrefix+name, value)
			}
		}
	}
}
