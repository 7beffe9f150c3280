// Package lifecycle has the stages of a workload that has not ended, as the reactor keeps them in
// memory, and the rules by which it goes from one to the next.
//
// A [Machine] is a plain value: its owner guards it by a lock and does what the methods return.
// Who owns a workload follows from its stage:
//
//	Queued   its tenant's queue
//	Delayed  the schedule of what is tried again later
//	Loading  whoever loads its module; the dispatcher gets it back
//	Starting the dispatcher; then, once it has a task, the executor, which has not run it yet
//	Running  its own fiber
//	Ending   the finisher, until what it made of the workload is in the store
//	Gone     nobody: the reactor has forgotten it, the store has it
//
// The stages and the states that clients see:
//
//	          Take          Loaded          Begin          Finish
//	Queued ---------> Loading ------> Starting -----> Running ------> Ending ---> Gone
//	  |  ^             |  |  PutBack      |                            ^ | |  Stored(Gone)
//	  |  +-------------|--+               |                            | | |
//	  |  ^             |                  +-------- Finish ----------->| | |
//	  |  +-------------|--------------------- Stored(Queued) ----------|-+ |
//	  |  | Due         | Delay                                         |   |
//	  | Delayed <------+--------------------- Stored(Delayed) ---------|---+
//	  |  |                                                             |
//	  +--+--------------------------- Cancel, also from Loading ------>+
//
//	`------ PENDING ------'`---------- RUNNING ------------'
package lifecycle

// Stage is where a workload is.
type Stage uint8

// The stages.
const (
	Queued Stage = iota
	Delayed
	Loading
	Starting
	Running
	Ending
	Gone
)

var stageNames = [...]string{"queued", "delayed", "loading", "starting", "running", "ending", "gone"}

func (s Stage) String() string { return stageNames[s] }

// Pending reports whether clients see the workload as PENDING.
func (s Stage) Pending() bool { return s == Queued || s == Delayed || s == Loading }

// Live reports whether the workload has been started and has not ended.
func (s Stage) Live() bool { return s == Starting || s == Running }

// Cause is why a workload was told to end.
type Cause uint8

// The causes.
const (
	NoCause Cause = iota
	ByClient
	ByDeadline
	ByShutdown
	ForMemory // the node has none for another: it is to be started again
)

var causeNames = [...]string{"none", "client", "deadline", "shutdown", "memory"}

// final reports whether nothing is started again that was told to end so.
func (c Cause) final() bool { return c == ByClient || c == ByDeadline }

func (c Cause) String() string { return causeNames[c] }

// Action is what the caller of Cancel must do.
type Action uint8

// The actions.
const (
	// Nothing: it has ended or is about to, whatever its cause.
	Nothing Action = iota
	// Dequeue: take it out of where it waits, the queue or the schedule, then as Record.
	Dequeue
	// Record: it is Ending now, and the caller sees to it that this is recorded.
	Record
	// Interrupt: cancel its task, if it has one yet; the end comes by Finish.
	Interrupt
)

var actionNames = [...]string{"nothing", "dequeue", "record", "interrupt"}

func (a Action) String() string { return actionNames[a] }

// Machine is the lifecycle of one workload. The zero value is Queued.
type Machine struct {
	stage Stage
	cause Cause
}

// Stage is where the workload is.
func (m *Machine) Stage() Stage { return m.stage }

// Cause is what first told the workload to end.
func (m *Machine) Cause() Cause { return m.cause }

// Take is the dispatcher taking the workload from the queue, in order to start it.
func (m *Machine) Take() bool { return m.move(Queued, Loading) }

// Loaded goes on to start a workload whose module is there. It returns false if the workload was
// cancelled meanwhile: then there is nothing left to do.
func (m *Machine) Loaded() bool { return m.move(Loading, Starting) }

// PutBack returns a workload that could not be started now to the queue. It returns false if the
// workload was cancelled meanwhile.
func (m *Machine) PutBack() bool { return m.move(Loading, Queued) }

// Delay makes a workload wait that could not be started for a reason that passes. It returns false if the
// workload was cancelled meanwhile.
func (m *Machine) Delay() bool { return m.move(Loading, Delayed) }

// Due returns a delayed workload to the queue. It returns false if the workload was cancelled meanwhile.
func (m *Machine) Due() bool { return m.move(Delayed, Queued) }

// Begin is the workload's fiber running for the first time. A cause that came before is returned:
// the task is to end at once.
func (m *Machine) Begin() Cause {
	m.mustMove(Starting, Running)
	return m.cause
}

// Finish is the end of a workload's task, or of the attempt to start it: the caller sees to it
// that the end is recorded. It returns false if the workload is ending already.
func (m *Machine) Finish() bool {
	switch m.stage {
	case Loading, Starting, Running:
		m.stage = Ending
		return true
	default:
		return false
	}
}

// Cancel tells the workload to end. The first cause wins, but for memory's, which any other replaces. A shutdown leaves
// alone what has not been started: it is PENDING on disk already. What is Ending already keeps the cause: it may be
// about to be started anew.
func (m *Machine) Cancel(cause Cause) Action {
	switch m.stage {
	case Queued, Delayed, Loading:
		if !cause.final() {
			return Nothing
		}
		waits := m.stage != Loading
		m.stage, m.cause = Ending, cause
		if waits {
			return Dequeue
		}
		return Record
	case Starting, Running:
		if m.cause != NoCause && (m.cause != ForMemory || cause == ForMemory) {
			return Nothing
		}
		m.cause = cause
		return Interrupt
	case Ending:
		if cause.final() && !m.cause.final() {
			m.cause = cause
		}
	}
	return Nothing
}

// Stored is the store having recorded the end, then next is Gone; or that the workload is to be
// started anew, then it is Queued, or Delayed if it is to wait before. It is false, and the workload is still
// Ending, if it was told meanwhile to end for good: then that is to be recorded.
func (m *Machine) Stored(next Stage) bool {
	if next != Gone && next != Queued && next != Delayed {
		panic("lifecycle: stored, and then " + next.String())
	}
	if next != Gone && m.stage == Ending && m.cause.final() {
		return false
	}
	m.mustMove(Ending, next)
	if next != Gone {
		m.cause = NoCause
	}
	return true
}

func (m *Machine) move(from, to Stage) bool {
	if m.stage != from {
		return false
	}
	m.stage = to
	return true
}

func (m *Machine) mustMove(from, to Stage) {
	if !m.move(from, to) {
		panic("lifecycle: " + m.stage.String() + " to " + to.String())
	}
}
