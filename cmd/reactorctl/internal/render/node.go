package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Node returns a daemon's description and its statistics. If room is not zero, no line is wider.
func Node(n *reactorv1.Node, st *reactorv1.Stats, room int) []screen.Line {
	return table.Pairs(slices.Concat(aboutNode(n), aboutStats(st)), room)
}

func aboutNode(n *reactorv1.Node) []table.Pair {
	state := screen.Span{Text: "serving", Style: screen.Good}
	if n.GetDraining() {
		state = screen.Span{Text: "draining", Style: screen.Notable}
	}
	return []table.Pair{
		pair("version", n.GetVersion()),
		pair("platform", n.GetPlatform()+", "+n.GetGoVersion()),
		{Name: "state", Values: []screen.Span{state}},
		pair("started", moment(n.GetStartTime())),
		pair("process", fmt.Sprint(n.GetProcessId())),
		pair("workers", fmt.Sprint(n.GetWorkers())),
		pair("data folder", n.GetDataDir()),
		pair("guest memory limit", Size(n.GetMemoryBytes())),
		pair("default limits", limits(n.GetDefaultLimits())),
		pair("maximum limits", limits(n.GetMaxLimits())),
	}
}

func limits(l *reactorv1.Limits) string {
	parts := []string{
		"memory " + Size(l.GetMemoryBytes()), "stack " + Size(l.GetStackBytes()),
		"log " + Size(l.GetLogBytes()), fmt.Sprintf("descriptors %d", l.GetDescriptors()), fmt.Sprintf("pending ops %d", l.GetPendingOps()),
	}
	if l.GetFuel() > 0 {
		parts = append(parts, "fuel "+comma(l.GetFuel()))
	}
	if d := l.GetTimeout().AsDuration(); d > 0 {
		parts = append(parts, "timeout "+given(d))
	}
	return strings.Join(parts, ", ") + networkLimits(l)
}

// Stats returns a daemon's statistics. If room is not zero, no line is wider.
func Stats(st *reactorv1.Stats, room int) []screen.Line { return table.Pairs(aboutStats(st), room) }

func aboutStats(st *reactorv1.Stats) []table.Pair {
	return []table.Pair{
		pair("workloads", fmt.Sprintf("%s pending, %s running, %s waiting (most at once: %s)", comma(st.GetPending()), comma(st.GetRunning()), comma(st.GetWaiting()), comma(st.GetWaitingPeak()))),
		pair("since the start", fmt.Sprintf("%s submitted, %s succeeded, %s failed, %s cancelled", comma(st.GetSubmitted()), comma(st.GetSucceeded()), comma(st.GetFailed()), comma(st.GetCancelled()))),
		pair("memory", fmt.Sprintf("%s resident (most: %s), %s guests, %s heap", Size(st.GetResidentBytes()), Size(st.GetResidentPeakBytes()), Size(st.GetGuestMemoryBytes()), Size(st.GetHeapBytes()))),
		pair("executor", fmt.Sprintf("%s resumes, %s preemptions, busy %s", comma(st.GetResumes()), comma(st.GetPreemptions()), duration(st.GetBusyTime()))),
		pair("ready", guestsReady(st)),
		pair("waiting", guestsWaited(st)),
		pair("wake lateness", fmt.Sprintf("p50 %s, p99 %s, max %s", duration(st.GetWakeLatenessP50()), duration(st.GetWakeLatenessP99()), duration(st.GetWakeLatenessMax()))),
		pair("goroutines", comma(st.GetGoroutines())),
		pair("compiled modules", comma(st.GetCompiledModules())),
		pair("descriptors", heldDescriptors(st)),
	}
}

// guestsReady says how long guests had no worker, all together; empty if the daemon does not tell.
func guestsReady(st *reactorv1.Stats) string {
	if st.GetReadySeconds() == 0 {
		return ""
	}
	return guestTime(st.GetReadySeconds()) + " without a worker"
}

// guestsWaited says how long guests have waited, all together, and for what kinds of operations.
func guestsWaited(st *reactorv1.Stats) string {
	var kinds []string
	for _, w := range st.GetWaits() {
		text := opKind(w.GetKind()) + " " + guestTime(w.GetSeconds())
		if n := w.GetCount(); n > 0 {
			text += " in " + count(n, "wait")
		}
		kinds = append(kinds, text)
	}
	if len(kinds) == 0 {
		return ""
	}
	return guestTime(st.GetWaitingSeconds()) + ": " + strings.Join(kinds, ", ")
}

func heldDescriptors(st *reactorv1.Stats) string {
	if text := Descriptors(st); text != "" {
		return text + " for guests"
	}
	return ""
}

// Descriptors says how many descriptors guests hold; empty if the daemon does not tell.
func Descriptors(st *reactorv1.Stats) string {
	if st.GetMaxDescriptors() == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s", comma(st.GetDescriptors()), comma(st.GetMaxDescriptors()))
}

// StatsLayout returns the layout of a stream of statistics. Its columns have room for the figures of a busy daemon, so
// that they stay where they are.
func StatsLayout(room int) *table.Layout {
	columns := []table.Column{
		{Title: "TIME"}, {Title: "PENDING", Right: true}, {Title: "RUNNING", Right: true}, {Title: "WAITING", Right: true},
		{Title: "DONE", Right: true}, {Title: "RESIDENT", Right: true, Rank: 2}, {Title: "LATE P99", Right: true, Rank: 1},
	}
	usual := table.Cells("15:04:05", "100,000", "100,000", "100,000", "1,000,000", "999 MiB", "999.9ms")
	return table.NewLayout(columns, []table.Row{usual}, room)
}

// StatsRow returns the row of one reading.
func StatsRow(s *reactorv1.Stats) table.Row {
	return table.Cells(
		s.GetTime().AsTime().Local().Format(time.TimeOnly), comma(s.GetPending()), comma(s.GetRunning()), comma(s.GetWaiting()),
		comma(s.GetSucceeded()+s.GetFailed()+s.GetCancelled()), Size(s.GetResidentBytes()), duration(s.GetWakeLatenessP99()),
	)
}

// Contexts returns a list of the contexts of the configuration file.
func Contexts(s settings.Settings) List {
	list := List{Columns: []table.Column{{Title: ""}, {Title: "NAME"}, {Title: "ADDRESS"}}}
	for _, name := range slices.Sorted(maps.Keys(s.Contexts)) {
		mark := ""
		if name == s.CurrentContext {
			mark = "*"
		}
		list.Rows = append(list.Rows, table.Row{{Text: mark, Style: screen.Good}, {Text: name}, {Text: s.Contexts[name].Address}})
	}
	return list
}
