package store

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"
	"time"
)

// State is where a workload is in its life.
type State uint8

// The states. Their values are on disk.
const (
	Pending State = iota + 1
	Running
	Succeeded
	Failed
	Cancelled
)

// Finished reports whether the state is final.
func (s State) Finished() bool { return s >= Succeeded }

func (s State) valid() bool { return s >= Pending && s <= Cancelled }

func (s State) String() string {
	switch s {
	case Pending:
		return "PENDING"
	case Running:
		return "RUNNING"
	case Succeeded:
		return "SUCCEEDED"
	case Failed:
		return "FAILED"
	case Cancelled:
		return "CANCELLED"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// StateSet is a set of states; the zero value is empty.
type StateSet uint8

// Unfinished are the states a workload can leave, Finished those it cannot.
const (
	Unfinished StateSet = 1<<Pending | 1<<Running
	Finished   StateSet = 1<<Succeeded | 1<<Failed | 1<<Cancelled
)

// States returns the set of the given states.
func States(states ...State) StateSet {
	var set StateSet
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has reports whether the state is in the set.
func (set StateSet) Has(s State) bool { return set&(1<<s) != 0 }

// All yields the states of the set in order.
func (set StateSet) All() iter.Seq[State] {
	return func(yield func(State) bool) {
		for rest := uint8(set); rest != 0; rest &= rest - 1 {
			if !yield(State(bits.TrailingZeros8(rest))) {
				return
			}
		}
	}
}

func (set StateSet) String() string {
	var names []string
	for s := range set.All() {
		names = append(names, s.String())
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// Workload is the record of a workload. The store looks into none of its byte slices.
type Workload struct {
	ID       string
	Tenant   string
	Name     string
	Labels   map[string]string
	Module   Digest
	Spec     []byte
	SpecHash Digest // tells a repeated submission from a different one
	Created  time.Time

	// The rest is what transitions change. Submit sets State, Attempts, Updated and Revision, and
	// takes Status as given.
	State    State
	Attempts uint32    // how often it was started; the fencing token of the last start
	Updated  time.Time // of the last transition
	Status   []byte
	Revision int64
}

// Bytes is about what creating the record costs a store, in bytes: what is written, and for its rows and
// indices as many bytes as could be written in that time.
func (w *Workload) Bytes() int64 {
	const record, label = 512, 256
	n := record + len(w.Spec) + len(w.Status)
	for k, v := range w.Labels {
		n += label + 2*(len(k)+len(v))
	}
	return int64(n)
}

// Submitted is what became of one workload of a Submit.
type Submitted struct {
	// Workload is the stored record: of the one passed in if Created, else of the one that has the
	// id. It is nil if Err is not.
	Workload *Workload
	Created  bool
	// Err refuses this workload: a *NotFoundError for its module, or a *CorruptError for the
	// record that has its id.
	Err error
}

// Transition is one change of a workload's state.
type Transition struct {
	ID string
	// From are the states that may be left: unfinished ones.
	From StateSet
	To   State
	// Attempt is the attempt the change speaks for. Going from PENDING to RUNNING starts it, so
	// there it is one more than the record's; in all other cases it is the record's.
	Attempt uint32
	Time    time.Time
	Status  []byte
	// Log is appended to the workload's log in the same commit, so that whoever sees the end of
	// a workload sees the end of its log.
	Log []LogChunk
	// Lazy lets the engine put the change off for some milliseconds, for commits are cheaper
	// together. The order of the writes to one workload stays as it was asked for.
	Lazy bool
}

// Apply is the rule that every engine follows: it returns the attempts of the record after the
// transition, or refuses it.
func (t *Transition) Apply(state State, attempts uint32) (uint32, error) {
	want := attempts
	if state == Pending && t.To == Running {
		want++
	}
	if !(t.From & Unfinished).Has(state) || !t.To.valid() || t.Attempt != want {
		return attempts, &StaleError{ID: t.ID, State: state, Attempts: attempts}
	}
	return want, nil
}

// Change tells the observer of a committed change.
type Change struct {
	ID       string
	Revision int64
	State    State
	Attempts uint32
	Status   []byte
	// Created is the record of a workload that is new, else nil.
	Created *Workload
}

// Observer is told of the changes of every commit, in the order of revisions, before anyone who
// waits for that commit is. It is called on the engine's goroutine and must not block.
type Observer func([]Change)

// Claimed is the result of a Claim.
type Claimed struct {
	Workloads []*Workload
	// Interrupted are those of Workloads that were RUNNING, in the same order.
	Interrupted []*Workload
	Corrupt     []*CorruptError
}

// Places are what a queue needs to know of the workloads.
func (c *Claimed) Places() ClaimedPlaces {
	places := ClaimedPlaces{Corrupt: c.Corrupt}
	running := c.Interrupted
	for _, w := range c.Workloads {
		p := PlaceOf(w)
		if p.Interrupted = len(running) > 0 && running[0] == w; p.Interrupted {
			running = running[1:]
		}
		places.Places = append(places.Places, p)
	}
	return places
}

// Place is what a queue needs to know of a workload that waits in it.
type Place struct {
	ID       string
	Tenant   string
	Module   Digest
	Attempts uint32
	Status   []byte // nil if it was never started
	// The bytes of the record's variable parts, those of the labels about.
	NameBytes, LabelBytes, SpecBytes int
	// Interrupted tells that it was RUNNING when it was claimed.
	Interrupted bool
}

// PlaceOf is the place of a workload.
func PlaceOf(w *Workload) Place {
	p := Place{
		ID: w.ID, Tenant: w.Tenant, Module: w.Module, Attempts: w.Attempts,
		NameBytes: len(w.Name), SpecBytes: len(w.Spec),
	}
	for key, value := range w.Labels {
		p.LabelBytes += len(key) + len(value)
	}
	if w.Attempts > 0 {
		p.Status = w.Status
	}
	return p
}

// ClaimedPlaces is the result of a ClaimPlaces.
type ClaimedPlaces struct {
	Places  []Place
	Corrupt []*CorruptError
}

// Query selects a page of workloads.
type Query struct {
	Filter Filter
	// Token is the Next of the page before, or empty.
	Token string
	// Limit bounds the page, 100 if zero.
	Limit int
}

// Page is one page of a list. It can be short, even empty, while Next is set: one call looks at a
// bounded number of records.
type Page struct {
	Workloads []*Workload
	// Corrupt names the records of the page that could not be read.
	Corrupt []*CorruptError
	// Next is empty on the last page.
	Next string
}

// Changes is a run of changes.
type Changes struct {
	Workloads []*Workload
	Corrupt   []*CorruptError
	// Next is the revision to go on from. It equals since when there was nothing.
	Next int64
}

// Counts is a number of workloads for each state.
type Counts [Cancelled + 1]int64

// Of returns the number of workloads in the states of a set.
func (c Counts) Of(set StateSet) int64 {
	var n int64
	for s := range set.All() {
		n += c[s]
	}
	return n
}

// Retention says which finished workloads may go.
type Retention struct {
	// Before allows what finished before that time to go; the zero time nothing.
	Before time.Time
	// Keep, if positive, allows all but that many to go.
	Keep int
	// Bytes, if positive, allows them to go while the store, without its modules, takes more than that.
	Bytes int64
	// Limit bounds one call, 500 if zero.
	Limit int
}

// Pruned is the result of one call of Prune.
type Pruned struct {
	Workloads int
	More      bool
}
