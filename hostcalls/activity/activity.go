package activity

import "time"

// Activity is what a component does at a moment, about: it may have gone on while it was looked at.
type Activity struct {
	Busy         bool // it computes, so that the rest is not known, or only in part
	Calls        []Calls
	OtherCalls   uint64 // in none of Calls
	Waits        []Waits
	OtherWaits   uint64 // in none of Waits
	Instances    []Instance
	Streams      []Stream
	OtherStreams uint64   // streams and futures that are not in Streams
	Fibers       int      // stacks that wait with frames
	Circle       []string // calls that wait for each other, so that none of them can go on: the last one waits for the first one
}

// Calls are calls of one export that do the same.
type Calls struct {
	Instance int // the component instance, by its number
	Export   string
	State    State
	Count    uint64
	Oldest   time.Time // when the oldest of them was made; zero if that is not known
}

// State is what a call does. The values are those of CallState in the API.
type State uint8

// The states.
const (
	_        State = iota
	Running        // it computes, or waits in a host function with all others
	Held           // it waits to begin, since its instance lets no call begin
	Callback       // it waits by its callback, and has no stack
	Stack          // it waits with its stack
)

// Waits are waits of calls of one export for the same.
type Waits struct {
	Instance int
	Export   string // empty: nobody waits for it
	Kind     Kind
	Target   string // the function that was called, or the type of the items
	Count    uint64
}

// Kind is what a call waits for. The values are those of CallWait in the API.
type Kind uint8

// The kinds.
const (
	_           Kind = iota
	HostCall         // what the host does for it
	Call             // a call of another component instance
	StreamRead       // items of a stream
	StreamWrite      // that the items of a stream are read
	FutureRead       // the value of a future
	FutureWrite      // that the value of a future is read
	Gate             // to begin
	Turn             // its turn
	EmptySet         // an event of a set that nothing is in
)

// Instance is a component instance that holds calls back, or might.
type Instance struct {
	Number       int
	Backpressure int    // how often the instance wants no calls to begin
	Held         uint64 // calls that wait to begin
	Exclusive    string // the export whose call keeps others from running; empty if none does
}

// Stream is a stream or future.
type Stream struct {
	Future         bool
	Item           string // the type of the items; empty if they have no value
	Items          uint64 // that were moved
	Bytes          uint64 // that they take; zero if that is not known
	Reader, Writer Party
}

// Waiting reports whether somebody waits at one of the ends.
func (s *Stream) Waiting() bool { return s.Reader.Waits || s.Writer.Waits }

// Party is who has an end of a stream.
type Party struct {
	Whose    Whose
	Instance int    // if it is an instance's
	Waits    bool   // for the other end
	Export   string // whose call waits; empty if none does now
}

// Whose says whose an end is. The values are those of EndOwner in the API.
type Whose uint8

// Whose an end may be.
const (
	_         Whose = iota
	Instances       // a component instance's
	Hosts           // the host's, or it is on its way
	Nobodys         // it was dropped
)
