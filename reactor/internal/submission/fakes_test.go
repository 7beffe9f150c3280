package submission

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// modules knows one module, "hello".
type modules struct {
	missing bool // not any more
	module  abi.Description
	fault   string // what is wrong with every spec
	err     error  // of CheckSpec
	held    int
}

func (m *modules) Hold(store.Digest)    { m.held++ }
func (m *modules) Release(store.Digest) { m.held-- }

func (m *modules) LookUp(_ context.Context, ref string) (store.Digest, *abi.Description, error) {
	if m.missing || ref != "hello" {
		return store.Digest{}, nil, refusal.NoModule(ref)
	}
	return store.DigestOf([]byte(ref)), &m.module, nil
}

func (m *modules) CheckSpec(f *errs.Faults, _ *abi.Description, _ *api.Spec, _ api.Limits, _ bool) error {
	if m.fault != "" {
		f.Add("spec.invoke", "%s", m.fault)
	}
	return m.err
}

// queue has places, and knows who holds them.
type queue struct {
	places int
	held   map[place]int
	faults []string
}

// place is one that is taken. Submissions with one id have one each.
type place struct {
	id   string
	size int64
}

func (q *queue) Reserve(rec *store.Workload, _ *api.Spec) (int64, error) {
	if q.places == 0 {
		return 0, refusal.QueueFull("it is full")
	}
	q.places--
	q.held[place{rec.ID, rec.Bytes()}]++
	return rec.Bytes(), nil
}

func (q *queue) Release(id string, size int64) {
	p := place{id, size}
	if q.held[p] == 0 {
		q.faults = append(q.faults, fmt.Sprintf("%+v is given back, and not held", p))
	}
	q.places++
	if q.held[p]--; q.held[p] == 0 {
		delete(q.held, p)
	}
}

// disk is a store that keeps records in memory, while it can.
type disk struct {
	store.Workloads // what is not faked

	mu      sync.Mutex
	records map[string]*store.Workload
	commits [][]string       // the ids of each
	failing map[int]error    // by the number of the commit
	broken  error            // of every commit
	refused map[string]error // by id
	torn    map[string]error // of reading, by id; "" for all
	reads   int
	queue   *queue
	modules *modules
}

func (d *disk) Submit(_ context.Context, recs []*store.Workload) ([]store.Submitted, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	answers := make([]store.Submitted, len(recs))
	err := cmp.Or(d.failing[len(d.commits)], d.broken)
	for i, rec := range recs {
		if d.modules.held == 0 {
			d.queue.faults = append(d.queue.faults, rec.ID+" is stored while its module can be pruned")
		}
		ids = append(ids, rec.ID)
		if d.queue.held[place{rec.ID, rec.Bytes()}] == 0 {
			d.queue.faults = append(d.queue.faults, rec.ID+" is stored without a place")
		}
		former := d.records[rec.ID]
		switch {
		case err != nil:
		case d.refused[rec.ID] != nil:
			answers[i].Err = d.refused[rec.ID]
		case former != nil:
			answers[i].Workload = forHash(former, rec.SpecHash)
		default:
			rec.State = store.Pending
			d.records[rec.ID] = rec
			answers[i] = store.Submitted{Workload: rec, Created: true}
		}
	}
	d.commits = append(d.commits, ids)
	return answers, err
}

// forHash is a record as it is shown to a submission with that hash.
func forHash(rec *store.Workload, hash store.Digest) *store.Workload {
	if rec.SpecHash == hash {
		return rec
	}
	shown := *rec
	shown.Spec = nil
	return &shown
}

func (d *disk) Existing(ctx context.Context, id string, hash store.Digest) (*store.Workload, error) {
	rec, err := d.Workload(ctx, id)
	if err != nil {
		return nil, err
	}
	return forHash(rec, hash), nil
}

func (d *disk) Workload(_ context.Context, id string) (*store.Workload, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	if err := cmp.Or(d.torn[id], d.torn[""]); err != nil {
		return nil, err
	}
	if rec := d.records[id]; rec != nil {
		return rec, nil
	}
	return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
}

// fixture is a pipeline over fakes that refuse nothing.
type fixture struct {
	*Pipeline
	defaults api.Limits
	modules  *modules
	queue    *queue
	disk     *disk
	denied   error
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{modules: &modules{}, queue: &queue{places: 1000, held: map[place]int{}}}
	f.disk = &disk{
		records: map[string]*store.Workload{}, failing: map[int]error{}, refused: map[string]error{}, torn: map[string]error{}, queue: f.queue, modules: f.modules,
	}
	limits := api.Limits{MemoryBytes: 1 << 30, StackBytes: 1 << 20, LogBytes: 1 << 20, Descriptors: 100, PendingOps: 100}
	f.defaults = limits
	most := intake.Bounds{Labels: 10, Arguments: 10, Grants: 10, ArgumentBytes: 4 << 20, StdinBytes: 4 << 20, Limits: limits}
	f.Pipeline = &Pipeline{
		Modules: f.modules, Queue: f.queue, Store: f.disk, MemoryBytes: 1 << 30,
		Limits:    func() (intake.Bounds, api.Limits) { return most, f.defaults },
		Authorize: func(context.Context, []grant.Grant) error { return f.denied },
	}
	t.Cleanup(func() {
		if len(f.queue.held) > 0 || len(f.queue.faults) > 0 {
			t.Errorf("places: %v are held, %q", f.queue.held, f.queue.faults)
		}
		if f.modules.held != 0 {
			t.Errorf("modules are held by %d submissions", f.modules.held)
		}
	})
	return f
}

// submit submits, and returns a line for each result.
func (f *fixture) submit(t *testing.T, reqs ...api.SubmitRequest) (lines []string, err error) {
	t.Helper()
	results, err := f.Submit(t.Context(), reqs)
	for i, res := range results {
		line := res.ID
		switch {
		case res.Err != nil:
			line += " " + errs.ClassOf(res.Err).String()
			if res.Record != nil || res.Created {
				t.Errorf("%s is refused, and has a record", res.ID)
			}
		case res.Created:
			line += " created"
		default:
			line += " there is"
		}
		if want := reqs[i].ID; want != "" && res.ID != want {
			t.Errorf("result %d is of %s, want %s", i, res.ID, want)
		}
		if res.Err == nil && (res.Record == nil || res.Record.ID != res.ID) {
			t.Errorf("%s has no record, or another's", res.ID)
		}
		lines = append(lines, line)
	}
	return lines, err
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// of is a request for a workload of an id that runs hello.
func of(id string) api.SubmitRequest {
	return api.SubmitRequest{ID: id, Spec: api.Spec{Module: "hello"}}
}

// large is a request whose record has about so many bytes.
func large(id string, bytes int) api.SubmitRequest {
	req := of(id)
	req.Spec.Stdin = make([]byte, bytes)
	return req
}
