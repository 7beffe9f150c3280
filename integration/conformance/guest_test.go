package conformance

import (
	"errors"
	"sync"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

// guest is a store on a task of its own, which does what it is told.
type guest struct {
	store *component.Store
	task  *executor.Task
	fiber *executor.Fiber
	ended chan struct{}

	mu   sync.Mutex
	jobs []func() // nil ends it
}

// newGuest makes a guest, which has not started.
func (h *host) newGuest(p *component.Program, config *abi.Config) (*guest, error) {
	config.Driver = h.executor.Driver()
	store, err := p.NewStore(config)
	if err != nil {
		return nil, err
	}
	g := &guest{store: store, ended: make(chan struct{})}
	g.task, err = h.executor.Spawn(executor.TaskSpec{Turn: store.Main(g.work), Done: func(*executor.Task) { close(g.ended) }})
	return g, err
}

// work does the jobs. The first one starts the store.
func (g *guest) work(f *executor.Fiber) {
	g.fiber = f
	for {
		g.mu.Lock()
		if len(g.jobs) == 0 {
			g.mu.Unlock()
			if f.Park() != nil {
				return
			}
			continue
		}
		job := g.jobs[0]
		g.jobs = g.jobs[1:]
		g.mu.Unlock()
		if job == nil {
			return
		}
		job()
	}
}

func (g *guest) post(job func()) {
	g.mu.Lock()
	g.jobs = append(g.jobs, job)
	g.mu.Unlock()
	g.task.Wake()
}

// do does a job on the store's fiber.
func (g *guest) do(job func() error) error {
	done := make(chan error, 1)
	g.post(func() { done <- job() })
	select {
	case err := <-done:
		return err
	case <-g.ended:
	}
	select {
	case err := <-done:
		return err
	default:
		return errors.Join(errors.New("the guest's task has ended"), g.task.Err(), panicOf(g.task))
	}
}

func panicOf(task *executor.Task) error {
	if p := task.Panic(); p != nil {
		return p
	}
	return nil
}

func (g *guest) start() error {
	return g.do(func() error { return g.store.Start(g.fiber) })
}

func (g *guest) call(export string, args []value.Value) (results []value.Value, err error) {
	err = g.do(func() error {
		results, err = g.store.CallExport(export, args)
		return err
	})
	return results, err
}

// close ends the guest, and returns the panic of its task.
func (g *guest) close() error {
	g.post(nil)
	<-g.ended
	return panicOf(g.task)
}
