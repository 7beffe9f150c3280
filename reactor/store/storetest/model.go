package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// testModel makes random calls, and compares the store with a model of plain slices and maps.
func testModel(t *testing.T, open Open) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			m := &model{
				fixture: newFixture(t, open, Options{}),
				rand:    rand.New(rand.NewPCG(seed, 0)),
				logs:    map[string][]store.LogChunk{},
				there:   map[store.Digest]bool{},
			}
			m.modules = []store.Digest{m.module, m.putModule([]byte("second")), m.putModule([]byte("third"))}
			for _, d := range m.modules {
				m.there[d] = true
			}
			for range 40 {
				m.step()
				m.compare()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// model is what should be in the store.
type model struct {
	*fixture
	rand      *rand.Rand
	workloads []*store.Workload // in order of creation
	logs      map[string][]store.LogChunk
	modules   []store.Digest
	there     map[store.Digest]bool
	made      int
	floor     int64
}

func (m *model) step() {
	switch n := m.rand.IntN(20); {
	case n < 6:
		m.submitSome()
	case n < 14:
		m.burst()
	case n < 15:
		m.prune()
	case n < 16:
		m.deleteWorkload()
		m.amend()
	case n < 18:
		m.module = m.modules[m.rand.IntN(len(m.modules))]
		m.deleteModule()
	default:
		m.restart()
	}
}

func (m *model) find(id string) *store.Workload {
	i := slices.IndexFunc(m.workloads, func(w *store.Workload) bool { return w.ID == id })
	if i < 0 {
		return nil
	}
	return m.workloads[i]
}

// anyID usually returns the id of a workload.
func (m *model) anyID() string {
	if len(m.workloads) == 0 || m.rand.IntN(20) == 0 {
		return "nobody"
	}
	return m.workloads[m.rand.IntN(len(m.workloads))].ID
}

func (m *model) submitSome() {
	var batch []*store.Workload
	for range 1 + m.rand.IntN(10) {
		id := m.anyID()
		if m.rand.IntN(5) > 0 {
			id = fmt.Sprint("w", m.made)
			m.made++
		}
		m.module = m.modules[m.rand.IntN(len(m.modules))]
		w := m.newWorkload(id)
		w.Labels = map[string]string{"color": []string{"red", "green", "blue"}[m.rand.IntN(3)]}
		if m.rand.IntN(3) == 0 {
			w.Labels["rare"] = "yes"
		}
		batch = append(batch, w)
	}
	results, err := m.Submit(m.t.Context(), batch)
	if err != nil {
		m.t.Fatalf("Submit: %v", err)
	}
	for i, w := range batch {
		r, existing := results[i], m.find(w.ID)
		var notFound *store.NotFoundError
		switch {
		case existing != nil:
			wantEqual(m.t, "existing", r, store.Submitted{Workload: existing})
		case !m.there[w.Module]:
			if !errors.As(r.Err, &notFound) {
				m.t.Errorf("%q was submitted without a module: %+v", w.ID, r)
			}
		default:
			stored := *w
			stored.State, stored.Updated, stored.Revision = store.Pending, w.Created, r.Workload.Revision
			wantEqual(m.t, "created", r, store.Submitted{Workload: &stored, Created: true})
			m.workloads = append(m.workloads, &stored)
		}
	}
}

// burst makes transitions and log appends without waiting in between.
func (m *model) burst() {
	type outcome struct {
		revision int64
		err      error
	}
	var checks []func()
	for range 1 + m.rand.IntN(30) {
		done := make(chan outcome, 1)
		id := m.anyID()
		w := m.find(id)
		attempt := uint32(m.rand.IntN(2))
		if w != nil {
			attempt = w.Attempts + uint32(m.rand.IntN(2))
		}
		chunks := m.chunks()
		if m.rand.IntN(3) == 0 {
			m.AppendLog(store.LogAppend{ID: id, Attempt: attempt, Chunks: chunks}, func(err error) { done <- outcome{err: err} })
			accepted := w != nil && !w.State.Finished() && attempt == w.Attempts
			if accepted {
				m.logs[id] = append(m.logs[id], chunks...)
			}
			checks = append(checks, func() {
				if o := <-done; (o.err == nil) != accepted {
					m.t.Errorf("AppendLog of attempt %d to %+v: %v", attempt, w, o.err)
				}
			})
			continue
		}
		t := store.Transition{
			ID: id, Attempt: attempt, To: store.State(1 + m.rand.IntN(5)), From: store.StateSet(m.rand.Uint32()),
			Time: epoch.Add(time.Duration(m.rand.IntN(1000)) * time.Second), Status: fmt.Append(nil, "status ", m.rand.Int()), Log: chunks,
			Lazy: m.rand.IntN(4) == 0,
		}
		m.Transition(t, func(revision int64, err error) { done <- outcome{revision, err} })
		accepted := false
		if w != nil {
			if attempts, err := t.Apply(w.State, w.Attempts); err == nil {
				accepted = true
				w.State, w.Attempts, w.Updated, w.Status = t.To, attempts, t.Time, t.Status
				m.logs[id] = append(m.logs[id], chunks...)
			}
		}
		checks = append(checks, func() {
			o := <-done
			if (o.err == nil) != accepted {
				m.t.Errorf("%+v: %v", t, o.err)
			}
			if accepted {
				w.Revision = o.revision
			}
		})
	}
	for _, check := range checks {
		check()
	}
}

func (m *model) amend() {
	id := m.anyID()
	w := m.find(id)
	a := store.Amendment{ID: id, Status: fmt.Append(nil, "amended ", m.rand.Int())}
	if w != nil {
		a.Revision = w.Revision - int64(m.rand.IntN(2))
	}
	revision, err := m.Amend(m.t.Context(), a)
	accepted := w != nil && a.Apply(w.State, w.Attempts, w.Revision) == nil
	if (err == nil) != accepted {
		m.t.Errorf("%+v of %+v: %v", a, w, err)
	}
	if accepted {
		w.Status, w.Revision = a.Status, revision
	}
}

func (m *model) chunks() []store.LogChunk {
	var chunks []store.LogChunk
	for range m.rand.IntN(4) {
		text := bytes.Repeat([]byte{byte('a' + m.rand.IntN(26))}, m.rand.IntN(10))
		if m.rand.IntN(50) == 0 {
			text = bytes.Repeat(text, 10_000)
		}
		if m.rand.IntN(2) == 0 {
			text = append(text, '\n')
		}
		chunks = append(chunks, store.LogChunk{Stream: store.Stream(1 + m.rand.IntN(2)), Time: epoch, Data: text})
	}
	return chunks
}

func (m *model) prune() {
	policy := store.Retention{Keep: m.rand.IntN(20), Limit: 1 + m.rand.IntN(10)}
	if m.rand.IntN(2) == 0 {
		policy.Before = epoch.Add(time.Duration(m.rand.IntN(500)) * time.Second)
	}
	finished := slices.DeleteFunc(m.byRevision(), func(w *store.Workload) bool { return !w.State.Finished() })
	var victims []*store.Workload
	for i, w := range finished {
		if len(victims) == policy.Limit || !(policy.Keep > 0 && len(finished)-i > policy.Keep || w.Updated.Before(policy.Before)) {
			break
		}
		victims = append(victims, w)
		m.floor = max(m.floor, w.Revision)
		delete(m.logs, w.ID)
	}
	m.workloads = slices.DeleteFunc(m.workloads, func(w *store.Workload) bool { return slices.Contains(victims, w) })
	pruned, err := m.Prune(m.t.Context(), policy)
	wantIs(m.t, "Prune", err, nil)
	wantEqual(m.t, fmt.Sprintf("pruned by %+v", policy), pruned.Workloads, len(victims))
}

func (m *model) deleteWorkload() {
	id := m.anyID()
	w := m.find(id)
	done, err := m.DeleteWorkload(m.t.Context(), id)
	switch {
	case w == nil:
		wantAs[*store.NotFoundError](m.t, "DeleteWorkload", err)
	case !w.State.Finished():
		wantAs[*store.UnfinishedError](m.t, "DeleteWorkload", err)
	case err != nil || !done:
		m.t.Errorf("DeleteWorkload of %+v: %t, %v", w, done, err)
	default:
		m.workloads = slices.DeleteFunc(m.workloads, func(other *store.Workload) bool { return other == w })
		m.floor = max(m.floor, w.Revision)
		delete(m.logs, id)
	}
}

func (m *model) byRevision() []*store.Workload {
	return slices.SortedFunc(slices.Values(m.workloads), func(a, b *store.Workload) int { return cmp.Compare(a.Revision, b.Revision) })
}

func (m *model) deleteModule() {
	users := int64(0)
	for _, w := range m.workloads {
		if w.Module == m.module && !w.State.Finished() {
			users++
		}
	}
	err := m.DeleteModule(m.t.Context(), m.module)
	var inUse *store.InUseError
	switch {
	case users > 0:
		if !errors.As(err, &inUse) || inUse.Workloads != users {
			m.t.Errorf("DeleteModule with %d users: %v", users, err)
		}
	case m.there[m.module]:
		wantIs(m.t, "DeleteModule", err, nil)
		delete(m.there, m.module)
	default:
		wantAs[*store.NotFoundError](m.t, "DeleteModule", err)
		name := []string{"module", "second", "third"}[slices.Index(m.modules, m.module)]
		m.there[m.putModule([]byte(name))] = true
	}
}

func (m *model) restart() {
	m.reopen(Options{})
	var claimed []*store.Workload
	for {
		got := m.claim(1 + m.rand.IntN(20))
		if len(got) == 0 {
			break
		}
		claimed = append(claimed, got...)
	}
	i := 0
	for _, w := range m.workloads {
		if w.State.Finished() {
			continue
		}
		if i == len(claimed) {
			m.t.Fatalf("%q was not claimed", w.ID)
		}
		if w.State == store.Running {
			w.State, w.Revision = store.Pending, claimed[i].Revision
		}
		wantEqual(m.t, "claimed", claimed[i], w)
		i++
	}
	wantEqual(m.t, "claimed", len(claimed), i)
}

// claim claims records, or places and reads their records.
func (m *model) claim(limit int) []*store.Workload {
	if m.rand.IntN(2) == 0 {
		c, err := m.Claim(m.t.Context(), limit)
		wantIs(m.t, "Claim", err, nil)
		return c.Workloads
	}
	c, err := m.ClaimPlaces(m.t.Context(), limit)
	wantIs(m.t, "ClaimPlaces", err, nil)
	var claimed []*store.Workload
	for _, p := range c.Places {
		rec := m.workload(p.ID)
		wantPlace(m.t, p, rec, p.Interrupted)
		claimed = append(claimed, rec)
	}
	return claimed
}

func (m *model) compare() {
	m.t.Helper()
	filter := store.Filter{States: store.StateSet(m.rand.Uint32()) & (store.Unfinished | store.Finished)}
	if m.rand.IntN(3) == 0 {
		filter.Module = &m.modules[m.rand.IntN(len(m.modules))]
	}
	if m.rand.IntN(2) == 0 {
		filter.Labels = append(filter.Labels, store.Requirement{Key: "color", Op: store.Operator(m.rand.IntN(6)), Value: "red", Values: []string{"blue", "green", "pink"}})
	}
	if m.rand.IntN(3) == 0 {
		filter.Labels = append(filter.Labels, store.Requirement{Key: "rare", Op: store.Operator(m.rand.IntN(4)), Value: "yes"})
	}
	if m.rand.IntN(4) == 0 {
		filter.Ended.Start = epoch.Add(time.Duration(m.rand.IntN(1000)) * time.Second)
	}
	want := []string{}
	var counts store.Counts
	for _, w := range slices.Backward(m.workloads) {
		counts[w.State]++
		if filter.Match(w) {
			want = append(want, w.ID)
		}
	}
	wantEqual(m.t, fmt.Sprintf("list by %+v", filter), m.list(filter, 1+m.rand.IntN(30)), want)
	got, err := m.Count(m.t.Context())
	wantIs(m.t, "Count", err, nil)
	wantEqual(m.t, "counts", got, counts)
	m.compareChanges()
	m.compareLog()
}

func (m *model) compareChanges() {
	m.t.Helper()
	order := m.byRevision()
	cursor := m.rand.Int64N(m.Revision() + 1)
	changes, err := m.Changes(m.t.Context(), cursor, len(order)+1)
	if cursor > 0 && cursor < m.floor {
		wantIs(m.t, "Changes", err, store.ErrCursorExpired)
		return
	}
	wantIs(m.t, "Changes", err, nil)
	order = slices.DeleteFunc(order, func(w *store.Workload) bool { return w.Revision <= cursor })
	if len(order) == 0 {
		order = nil
	}
	wantEqual(m.t, "changes", changes.Workloads, order)
}

func (m *model) compareLog() {
	m.t.Helper()
	id := m.anyID()
	if m.find(id) == nil {
		return
	}
	streams, lines := store.Streams(m.rand.IntN(4))<<1, m.rand.IntN(6)
	var text []byte
	for _, c := range m.logs[id] {
		if streams.Has(c.Stream) {
			text = append(text, c.Data...)
		}
	}
	if got := m.log(id, streams, 1+m.rand.IntN(1000)); got != string(text) {
		m.t.Errorf("log of %q: %d bytes, want %d, or others", id, len(got), len(text))
	}
	begin := len(text)
	for n := 0; n < lines && begin > 0; n++ {
		begin = bytes.LastIndexByte(text[:begin-1], '\n') + 1
	}
	offset, _, err := m.TailLog(m.t.Context(), id, streams, lines, store.Cut{})
	wantIs(m.t, "TailLog", err, nil)
	if got := m.logFrom(id, streams, offset, 1<<20); !bytes.Equal(got, text[begin:]) {
		m.t.Errorf("the last %d lines of %q begin at %d: %d bytes, want %d", lines, id, offset, len(got), len(text)-begin)
	}
}
