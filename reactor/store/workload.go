package store

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"
	"time"
)

// State is the stage of a workload's life.
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

// Unfinished has the states that a workload can leave, Finished those it cannot.
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

// All returns the states of the set in order.
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

// Workload is the record of a workload. The store does not interpret its byte slices.
type Workload struct {
	ID       string
	Tenant   string
	Name     string
	Labels   map[string]string
	Module   Digest
	Spec     []byte
	SpecHash Digest // distinguishes a repeated submission from a different one
	Created  time.Time

	// Transitions change the fields below, and an Amend the last two. Submit sets State, Attempts, Updated and Revision, and
	// stores Status as given.
	State    State
	Attempts uint32    // how often it was started; the fencing token of the last start
	Updated  time.Time // of the last transition
	Status   []byte
	Revision int64
}

// Bytes returns about what creating the record costs a store, in bytes: what is written, and for its rows and
// indices the number of bytes that could be written in the same time.
func (w *Workload) Bytes() int64 {
	const record, label = 512, 256
	n := record + len(w.Spec) + len(w.Status)
	for k, v := range w.Labels {
		n += label + 2*(len(k)+len(v))
	}
	return int64(n)
}

// Submitted is the result of submitting one workload.
type Submitted struct {
	// Workload is the stored record: the one passed in if Created, else the existing one with its id. It is nil
	// if Err is not. An existing one may come without its Spec if its SpecHash is another than that of the one
	// passed in: small submissions may have the ids of large workloads.
	Workload *Workload
	Created  bool
	// Err is why this workload was refused: a *NotFoundError for its module, or a *CorruptError for the existing
	// record with its id.
	Err error
}

// Transition is one change of a workload's state.
type Transition struct {
	ID string
	// From are the states that the transition may leave, all of them unfinished.
	From StateSet
	To   State
	// Attempt is the attempt that the transition belongs to. PENDING to RUNNING starts a new attempt, which
	// is one more than the record's; all other transitions belong to the record's.
	Attempt uint32
	Time    time.Time
	Status  []byte
	// Log is appended to the workload's log in the same commit, so that whoever sees a workload's end also
	// sees the end of its log.
	Log []LogChunk
	// Cut is that of a LogAppend with these chunks.
	Cut Cut
	// Lazy lets the engine delay the change for some milliseconds, since commits are cheaper together. The
	// writes to one workload keep their order.
	Lazy bool
}

// Apply is the rule for all engines: it returns the record's attempts after the transition, or why the
// transition is refused.
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

// Amendment is a new status for a workload that stays in its state.
type Amendment struct {
	ID       string
	Revision int64 // of the record that the status was made from
	Status   []byte
}

// Apply is the rule for all engines: it returns why the amendment is refused.
func (a *Amendment) Apply(state State, attempts uint32, revision int64) error {
	if state.Finished() || revision != a.Revision {
		return &StaleError{ID: a.ID, State: state, Attempts: attempts}
	}
	return nil
}

// Change is one committed change.
type Change struct {
	ID       string
	Revision int64
	State    State
	Attempts uint32
	Status   []byte
	// Created is the record of a new workload, else nil.
	Created *Workload
}

// Observer is called with the changes of every commit, in the order of revisions, before any caller that waits
// for that commit is told. It runs on the engine's goroutine and must not block.
type Observer func([]Change)

// Claimed is the result of a Claim.
type Claimed struct {
	Workloads []*Workload
	// Interrupted has those of Workloads that were RUNNING, in the same order.
	Interrupted []*Workload
	Corrupt     []*CorruptError
}

// Places returns the workloads' places.
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

// Place is what a queue needs to know about a workload in it.
type Place struct {
	ID       string
	Tenant   string
	Module   Digest
	Attempts uint32
	Status   []byte
	// The sizes of the record's variable parts; that of the labels is approximate.
	NameBytes, LabelBytes, SpecBytes int
	// Interrupted is true if the workload was RUNNING when it was claimed.
	Interrupted bool
}

// PlaceOf returns the place of a workload.
func PlaceOf(w *Workload) Place {
	p := Place{
		ID: w.ID, Tenant: w.Tenant, Module: w.Module, Attempts: w.Attempts,
		Status: w.Status, NameBytes: len(w.Name), SpecBytes: len(w.Spec),
	}
	for key, value := range w.Labels {
		p.LabelBytes += len(key) + len(value)
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
	// Token is the Next of the previous page, or empty.
	Token string
	// Limit bounds the page; zero is 100.
	Limit int
	// OldestFirst turns the order round.
	OldestFirst bool
}

// Page is one page of a list. It can be short, even empty, while Next is set: one call examines a bounded number
// of records.
type Page struct {
	Workloads []*Workload
	// Corrupt has the records of the page that could not be read.
	Corrupt []*CorruptError
	// Next is empty on the last page.
	Next string
}

// Changes is a batch of changes.
type Changes struct {
	Workloads []*Workload
	Corrupt   []*CorruptError
	// Next is the revision to continue from. It equals since if there were no changes.
	Next int64
}

// Counts has the number of workloads in each state.
type Counts [Cancelled + 1]int64

// Of returns the number of workloads in the states of a set.
func (c Counts) Of(set StateSet) int64 {
	var n int64
	for s := range set.All() {
		n += c[s]
	}
	return n
}

// Retention says which finished workloads Prune may delete.
type Retention struct {
	// Before allows deleting those that finished before that time; the zero time allows none.
	Before time.Time
	// Keep, if positive, allows deleting all but that many.
	Keep int
	// Bytes, if positive, allows deleting as long as the store, without its modules, takes more than that.
	Bytes int64
	// Limit bounds one call; zero is 500.
	Limit int
}

// Pruned is the result of one call of Prune.
type Pruned struct {
	Workloads int
	More      bool
}
