package lifecycle

import (
	"fmt"
	"testing"
)

var events = map[string]func(*Machine) string{
	"take":     func(m *Machine) string { return fmt.Sprint(m.Take()) },
	"loaded":   func(m *Machine) string { return fmt.Sprint(m.Start()) },
	"putback":  func(m *Machine) string { return fmt.Sprint(m.PutBack()) },
	"begin":    func(m *Machine) string { return m.Begin().String() },
	"finish":   func(m *Machine) string { return fmt.Sprint(m.Finish()) },
	"client":   func(m *Machine) string { return m.Cancel(ByClient).String() },
	"deadline": func(m *Machine) string { return m.Cancel(ByDeadline).String() },
	"shutdown": func(m *Machine) string { return m.Cancel(ByShutdown).String() },
	"delay":    func(m *Machine) string { return fmt.Sprint(m.Delay()) },
	"due":      func(m *Machine) string { return fmt.Sprint(m.Requeue()) },
	"memory":   func(m *Machine) string { return m.Cancel(ForMemory).String() },
	"stored":   func(m *Machine) string { return fmt.Sprint(m.Leave(Gone)) },
	"again":    func(m *Machine) string { return fmt.Sprint(m.Leave(Queued)) },
	"later":    func(m *Machine) string { return fmt.Sprint(m.Leave(Delayed)) },
	"nonsense": func(m *Machine) string { return fmt.Sprint(m.Leave(Running)) },
}

// TestTable says for every stage what every event does: what it returns, and the stage after. What
// is not in the table cannot happen and panics.
func TestTable(t *testing.T) {
	type outcome struct {
		returns string
		stage   Stage
	}
	refused := func(s Stage) outcome { return outcome{"false", s} }
	table := map[Stage]map[string]outcome{
		Queued: {
			"take": {"true", Loading}, "loaded": refused(Queued), "putback": refused(Queued), "finish": refused(Queued),
			"delay": refused(Queued), "due": refused(Queued),
			"client": {"dequeue", Ending}, "deadline": {"dequeue", Ending}, "shutdown": {"nothing", Queued}, "memory": {"nothing", Queued},
		},
		Delayed: {
			"take": refused(Delayed), "loaded": refused(Delayed), "putback": refused(Delayed), "finish": refused(Delayed),
			"delay": refused(Delayed), "due": {"true", Queued},
			"client": {"dequeue", Ending}, "deadline": {"dequeue", Ending}, "shutdown": {"nothing", Delayed}, "memory": {"nothing", Delayed},
		},
		Loading: {
			"delay": {"true", Delayed}, "due": refused(Loading),
			"take": refused(Loading), "loaded": {"true", Starting}, "putback": {"true", Queued}, "finish": {"true", Ending},
			"client": {"record", Ending}, "deadline": {"record", Ending}, "shutdown": {"nothing", Loading}, "memory": {"nothing", Loading},
		},
		Starting: {
			"delay": refused(Starting), "due": refused(Starting),
			"take": refused(Starting), "loaded": refused(Starting), "putback": refused(Starting),
			"begin": {"none", Running}, "finish": {"true", Ending},
			"client": {"interrupt", Starting}, "deadline": {"interrupt", Starting}, "shutdown": {"interrupt", Starting}, "memory": {"interrupt", Starting},
		},
		Running: {
			"delay": refused(Running), "due": refused(Running),
			"take": refused(Running), "loaded": refused(Running), "putback": refused(Running), "finish": {"true", Ending},
			"client": {"interrupt", Running}, "deadline": {"interrupt", Running}, "shutdown": {"interrupt", Running}, "memory": {"interrupt", Running},
		},
		Ending: {
			"delay": refused(Ending), "due": refused(Ending),
			"take": refused(Ending), "loaded": refused(Ending), "putback": refused(Ending), "finish": refused(Ending),
			"client": {"nothing", Ending}, "deadline": {"nothing", Ending}, "shutdown": {"nothing", Ending}, "memory": {"nothing", Ending},
			"stored": {"true", Gone}, "again": {"true", Queued}, "later": {"true", Delayed},
		},
		Gone: {
			"delay": refused(Gone), "due": refused(Gone),
			"take": refused(Gone), "loaded": refused(Gone), "putback": refused(Gone), "finish": refused(Gone),
			"client": {"nothing", Gone}, "deadline": {"nothing", Gone}, "shutdown": {"nothing", Gone}, "memory": {"nothing", Gone},
		},
	}
	for stage, row := range table {
		for name, event := range events {
			t.Run(stage.String()+"/"+name, func(t *testing.T) {
				m := Machine{stage: stage}
				want, ok := row[name]
				defer func() {
					if p := recover(); (p == nil) != ok {
						t.Errorf("panic: %v", p)
					}
				}()
				got := event(&m)
				if got != want.returns || m.Stage() != want.stage {
					t.Errorf("returned %q and is %v, want %q and %v", got, m.Stage(), want.returns, want.stage)
				}
			})
		}
	}
}

func TestFirstCauseWins(t *testing.T) {
	m := Machine{stage: Starting}
	if got := m.Cancel(ByDeadline); got != Interrupt {
		t.Fatalf("Cancel(ByDeadline) = %v, want interrupt", got)
	}
	if got := m.Cancel(ByClient); got != Nothing {
		t.Errorf("a second Cancel = %v, want nothing", got)
	}
	if got := m.Begin(); got != ByDeadline {
		t.Errorf("Begin = %v, want the cause that came before it", got)
	}
	m = Machine{stage: Running}
	m.Cancel(ByShutdown)
	m.Finish()
	m.Leave(Delayed)
	if m.Cause() != NoCause {
		t.Errorf("the next attempt begins with cause %v", m.Cause())
	}
}

// What is taken back for memory can still be told to end, at any time until it is queued again.
func TestMemoryIsNoLastCause(t *testing.T) {
	for _, stage := range []Stage{Starting, Running, Ending} {
		m := Machine{stage: stage, cause: ForMemory}
		want := Interrupt
		if stage == Ending {
			want = Nothing
		}
		if got := m.Cancel(ByClient); got != want || m.Cause() != ByClient {
			t.Errorf("%v: Cancel(ByClient) = %v, cause %v", stage, got, m.Cause())
		}
		if got := m.Cancel(ForMemory); got != Nothing || m.Cause() != ByClient {
			t.Errorf("%v: then Cancel(ForMemory) = %v, cause %v", stage, got, m.Cause())
		}
		m.Finish()
		if m.Leave(Queued) || m.Stage() != Ending {
			t.Errorf("%v: it is started anew though a client cancelled it", stage)
		}
	}
}
