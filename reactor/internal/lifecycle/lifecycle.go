// Package lifecycle has the stages of a workload that has not ended, as the reactor keeps them in memory, and the
// transitions between them.
//
// A [Machine] is a plain value: its owner guards it with a lock and does what the methods return.
// The stage says who owns the workload:
//
//	Queued   the scheduler: it waits for its turn
//	Delayed  the scheduler: it waits until it is tried again
//	Loading  the scheduler, while it waits for its module or for memory; then the dispatcher, which starts it
//	Starting the dispatcher; once there is a task, the executor, which has not run it yet
//	Running  its own fiber
//	Ending   whoever records its end (the finisher, the dispatcher, or a client that cancels it); then the store
//	Gone     nobody: the reactor has forgotten it, the store has it
//
// The stages and the states that clients see:
//
//	          Take          Start           Begin          Finish
//	Queued ---------> Loading ------> Starting -----> Running ------> Ending ---> Gone
//	  |  ^             |  |  PutBack      |                            ^ | |  Leave(Gone)
//	  |  +-------------|--+               |                            | | |
//	  |  ^             |                  +-------- Finish ----------->| | |
//	  |  +-------------|--------------------- Leave(Queued) -----------|-+ |
//	  |  | Requeue     | Delay                                         |   |
//	  | Delayed <------+--------------------- Leave(Delayed) ----------|---+
//	  |  |                                                             |
//	  +--+--------------------------- Cancel, also from Loading ------>+
//
//	`------ PENDING ------'`---------- RUNNING ------------'
package lifecycle

// Stage is the stage of a workload.
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
	ForMemory // another workload needs its memory: it is to be started again
)

var causeNames = [...]string{"none", "client", "deadline", "shutdown", "memory"}

// final reports whether a workload with this cause is never started again.
func (c Cause) final() bool { return c == ByClient || c == ByDeadline }

func (c Cause) String() string { return causeNames[c] }

// Action is what the caller of Cancel must do.
type Action uint8

// The actions.
const (
	// Nothing: the workload has ended or is about to, whatever the cause.
	Nothing Action = iota
	// Dequeue: remove it from the queue or the schedule in which it waits, then as for Record.
	Dequeue
	// Record: it is Ending now, and the caller must have that recorded.
	Record
	// Interrupt: cancel its task, if it has one yet; Finish is called when that has ended.
	Interrupt
)

var actionNames = [...]string{"nothing", "dequeue", "record", "interrupt"}

func (a Action) String() string { return actionNames[a] }

// Machine is the lifecycle of one workload. The zero value is Queued.
type Machine struct {
	stage Stage
	cause Cause
}

// Stage returns the workload's stage.
func (m *Machine) Stage() Stage { return m.stage }

// Cause returns the first cause for which the workload was told to end.
func (m *Machine) Cause() Cause { return m.cause }

// Take is called when the dispatcher takes the workload from the queue to start it.
func (m *Machine) Take() bool { return m.move(Queued, Loading) }

// Start is called when the workload's module is loaded, to go on with the start. It returns false if the
// workload was cancelled meanwhile: then there is nothing left to do.
func (m *Machine) Start() bool { return m.move(Loading, Starting) }

// PutBack returns a workload that could not be started now to the queue. It returns false if the
// workload was cancelled meanwhile.
func (m *Machine) PutBack() bool { return m.move(Loading, Queued) }

// Delay delays a workload that could not be started because of a transient failure. It returns false if
// the workload was cancelled meanwhile.
func (m *Machine) Delay() bool { return m.move(Loading, Delayed) }

// Requeue returns a delayed workload to the queue. It returns false if it was cancelled meanwhile.
func (m *Machine) Requeue() bool { return m.move(Delayed, Queued) }

// Begin is called when the workload's fiber runs for the first time. It returns the cause that came before, if
// any: then the task must end at once.
func (m *Machine) Begin() Cause {
	m.mustMove(Starting, Running)
	return m.cause
}

// Finish is called when the workload's task has ended, or the attempt to start it. The caller must have the end
// recorded, unless Finish returns false because the workload is ending already.
func (m *Machine) Finish() bool {
	switch m.stage {
	case Loading, Starting, Running:
		m.stage = Ending
		return true
	default:
		return false
	}
}

// Cancel tells the workload to end. The first cause wins, except that any other replaces ForMemory. ByShutdown does not
// affect a workload that has not been started: it is PENDING on disk already. A workload that is Ending keeps its cause;
// it may be about to be started again.
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

// Leave is called when the store has recorded the outcome. next is Gone if that was the end, Queued if the
// workload is to be started again, and Delayed if it is to wait before. It returns false, and the workload stays
// Ending, if it was meanwhile told to end for good: then that has to be recorded.
func (m *Machine) Leave(next Stage) bool {
	if next != Gone && next != Queued && next != Delayed {
		panic("lifecycle: leave for " + next.String())
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
