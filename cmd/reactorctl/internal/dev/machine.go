package dev

import (
	"fmt"
	"slices"
	"strings"
)

// Event is something that has happened: one of the types below.
type Event interface{ event() }

type (
	// Changed says that a source was changed. The first one is the start.
	Changed struct{ What string }
	// Built says that the build in progress has succeeded, and that the daemon has its module.
	Built struct{ Digest string }
	// BuildFailed says that the build in progress has failed or was ended. What went wrong has been printed.
	BuildFailed struct{ Err error }
	// Submitted says that the daemon has the guest that was started, as a workload with this id.
	Submitted struct{ ID string }
	// Ended says that the guest has ended. End says how, for people, if that has not been printed.
	Ended struct{ End string }
	// Refused says that the daemon does not run the guest.
	Refused struct{ Err error }
	// Interrupted says that the user wants to leave.
	Interrupted struct{}
)

func (Changed) event()     {}
func (Built) event()       {}
func (BuildFailed) event() {}
func (Submitted) event()   {}
func (Ended) event()       {}
func (Refused) event()     {}
func (Interrupted) event() {}

// Action is something to do: one of the types below.
type Action interface{ action() }

type (
	// Build starts a build. Its end is a Built or a BuildFailed.
	Build struct{}
	// EndBuild ends the build in progress.
	EndBuild struct{}
	// Start starts a guest. Its end is an Ended or a Refused.
	Start struct{ Digest string }
	// Stop ends the guest.
	Stop struct{}
	// Release says that the module of one Built is no longer needed.
	Release struct{ Digest string }
	// Tell tells the user something.
	Tell struct{ Text string }
	// Leave ends the loop, with an error if Err is not nil. It is the last action.
	Leave struct{ Err error }
)

func (Build) action()    {}
func (EndBuild) action() {}
func (Start) action()    {}
func (Stop) action()     {}
func (Release) action()  {}
func (Tell) action()     {}
func (Leave) action()    {}

// buildState is the state of the build.
type buildState int

const (
	idle      buildState = iota
	building             // of the sources as they are
	overtaken            // of sources that have changed since: it is being ended, and another one follows
)

// guestState is the state of the guest.
type guestState int

const (
	none guestState = iota
	running
	stopping
)

// Machine decides what to do next. Its zero value has built nothing and runs nothing.
//
// It keeps a module for each Built until it releases it, exactly once. At any time it runs at most one build and one guest.
type Machine struct {
	build buildState
	guest guestState
	begun bool // there has been a build
	// current is the module of the guest that runs or ran last, and next the one that waits for its end.
	current, next string
	// accepted is set once the daemon has accepted a guest: what it refuses later, another change may mend.
	accepted bool
	leaving  bool
	err      error
}

// Next takes in an event and returns what to do, in this order.
func (m *Machine) Next(e Event) []Action {
	switch e := e.(type) {
	case Changed:
		return m.changed(e.What)
	case Built:
		return m.built(e.Digest)
	case BuildFailed:
		return m.buildFailed(e.Err)
	case Submitted:
		m.accepted = true
		return []Action{Tell{"running as " + e.ID}}
	case Ended:
		return m.ended(e.End)
	case Refused:
		return m.refused(e.Err)
	case Interrupted:
		return m.leave(nil)
	default:
		panic(fmt.Sprintf("dev: unknown event %T", e))
	}
}

func (m *Machine) changed(what string) []Action {
	switch {
	case m.leaving, m.build == overtaken:
		return nil
	case m.build == building:
		m.build = overtaken
		return []Action{Tell{what + " changed: building again"}, EndBuild{}}
	case !m.begun:
		m.build, m.begun = building, true
		return []Action{Tell{"building " + what}, Build{}}
	default:
		m.build = building
		return []Action{Tell{what + " changed: building"}, Build{}}
	}
}

func (m *Machine) built(digest string) []Action {
	state := m.build
	m.build = idle
	if m.leaving {
		return append([]Action{Release{digest}}, m.leaveIfDone()...)
	}
	if state == overtaken {
		m.build = building
		return []Action{Release{digest}, Build{}}
	}
	var actions []Action
	if m.next != "" { // the guest has not ended since the build before this one
		actions = append(actions, Release{m.next})
	}
	m.next = digest
	switch m.guest {
	case none:
		return append(actions, m.start()...)
	case running:
		m.guest = stopping
		return append(actions, Tell{"restarting"}, Stop{})
	default:
		return actions
	}
}

func (m *Machine) buildFailed(err error) []Action {
	state := m.build
	m.build = idle
	switch {
	case m.leaving:
		return m.leaveIfDone()
	case state == overtaken:
		m.build = building
		return []Action{Build{}}
	case m.guest == running:
		return []Action{Tell{fmt.Sprintf("%v\nthe guest that was built before runs on", err)}}
	case m.next != "": // it is about to start
		return []Action{Tell{err.Error()}}
	default:
		return []Action{Tell{fmt.Sprintf("%v\nwaiting for a change", err)}}
	}
}

func (m *Machine) ended(end string) []Action {
	byItself := m.guest == running
	m.guest = none
	switch {
	case m.leaving:
		return m.leaveIfDone()
	case m.next != "":
		return m.start()
	case byItself && m.build != idle:
		return tell(end)
	default:
		return tell(end, "waiting for a change")
	}
}

func (m *Machine) refused(err error) []Action {
	if !m.accepted && !m.leaving {
		m.guest = none
		return m.leave(err)
	}
	return m.ended(err.Error())
}

// tell tells the user the texts that are not empty.
func tell(texts ...string) []Action {
	texts = slices.DeleteFunc(texts, func(text string) bool { return text == "" })
	if len(texts) == 0 {
		return nil
	}
	return []Action{Tell{strings.Join(texts, "\n")}}
}

// start starts the guest that is next.
func (m *Machine) start() []Action {
	last := m.current
	m.current, m.next, m.guest = m.next, "", running
	if last == "" {
		return []Action{Start{m.current}}
	}
	return []Action{Start{m.current}, Release{last}}
}

// leave ends what runs. The loop ends when all has ended.
func (m *Machine) leave(err error) []Action {
	if m.leaving {
		return nil
	}
	m.leaving, m.err = true, err
	var actions []Action
	if m.build == building { // one that was overtaken is being ended already
		actions = append(actions, EndBuild{})
	}
	if m.guest == running {
		m.guest = stopping
		actions = append(actions, Stop{})
	}
	return append(actions, m.leaveIfDone()...)
}

// leaveIfDone ends the loop if nothing runs any more.
func (m *Machine) leaveIfDone() []Action {
	if m.build != idle || m.guest != none {
		return nil
	}
	var actions []Action
	for _, digest := range []string{m.current, m.next} {
		if digest != "" {
			actions = append(actions, Release{digest})
		}
	}
	m.current, m.next = "", ""
	return append(actions, Leave{m.err})
}
