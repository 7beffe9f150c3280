package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// activityRows is how many rows of each list of an activity are shown.
const activityRows = 10

// Activity returns lines on what the calls of a component do, if there is anything to say. If room is not zero, no line is wider.
func Activity(a *reactorv1.Activity, room int) []screen.Line {
	return table.Pairs(aboutActivity(a), room)
}

// Stuck returns lines that say that nothing can wake a workload, as those of Activity.
func Stuck(text string, room int) []screen.Line {
	return table.Pairs([]table.Pair{{Name: "stuck", Values: stuck(text)}}, room)
}

// aboutActivity says what the calls of a component do and wait for. Of a component whose only call waits with its stack, or runs,
// there is no more to say than its operations.
func aboutActivity(a *reactorv1.Activity) []table.Pair {
	if !remarkable(a) {
		return nil
	}
	busy := ""
	if a.GetBusy() {
		busy = "it computes now, so that this is not all"
	}
	pairs := []table.Pair{
		pair("component", busy),
		listed("in progress", few(a.GetCalls(), a.GetOtherCalls(), callGroup)...),
		listed("which wait", few(a.GetWaits(), a.GetOtherWaits(), waitGroup)...),
		listed("gates", few(a.GetInstances(), 0, instanceGate)...),
		listed("streams", few(a.GetStreams(), a.GetOtherStreams(), stream)...),
	}
	if n := a.GetFibers(); n > 0 {
		pairs = append(pairs, pair("stacks", fmt.Sprintf("%d wait", n)))
	}
	if names := a.GetCircle(); len(names) > 0 {
		pairs = append(pairs, table.Pair{Name: "circle", Values: []screen.Span{{Text: circle(names), Style: screen.Bad}}})
	}
	return pairs
}

func remarkable(a *reactorv1.Activity) bool {
	if len(a.GetStreams()) > 0 || len(a.GetInstances()) > 0 || len(a.GetCalls()) > 1 {
		return true
	}
	for _, c := range a.GetCalls() {
		if c.GetCount() > 1 || c.GetState() != reactorv1.CallState_CALL_STATE_RUNNING && c.GetState() != reactorv1.CallState_CALL_STATE_STACK {
			return true
		}
	}
	return false
}

// few tells of the first ones of a list, and how many others there are.
func few[T any](list []T, others uint64, text func(T) string) (texts []string) {
	for i, item := range list {
		if i == activityRows {
			others += uint64(len(list) - i)
			break
		}
		texts = append(texts, text(item))
	}
	if others > 0 {
		texts = append(texts, fmt.Sprintf("and %s more", comma(others)))
	}
	return texts
}

// whose names an export of a component instance.
func whose(export string, instance uint32) string {
	return fmt.Sprintf("%s of instance %d", export, instance)
}

// callWords say what calls do in a state: one, and several.
var callWords = map[reactorv1.CallState][2]string{
	reactorv1.CallState_CALL_STATE_RUNNING:  {"runs", "run"},
	reactorv1.CallState_CALL_STATE_HELD:     {"waits to begin", "wait to begin"},
	reactorv1.CallState_CALL_STATE_CALLBACK: {"waits without a stack", "wait without a stack"},
	reactorv1.CallState_CALL_STATE_STACK:    {"waits with its stack", "wait with their stacks"},
}

func callGroup(c *reactorv1.CallGroup) string {
	words, known := callWords[c.GetState()]
	if !known {
		words = [2]string{"does something else", "do something else"}
	}
	text := fmt.Sprintf("%s of %s %s", comma(c.GetCount()), whose(c.GetExport(), c.GetInstance()), pick(c.GetCount(), words[0], words[1]))
	since := age(c.GetOldestTime())
	switch {
	case since == "":
		return text
	case c.GetCount() == 1:
		return text + ", made " + since + " ago"
	default:
		return text + ", the oldest made " + since + " ago"
	}
}

// waitWords say what is waited for.
var waitWords = map[reactorv1.CallWait]string{
	reactorv1.CallWait_CALL_WAIT_HOST:         "for the host: ",
	reactorv1.CallWait_CALL_WAIT_CALL:         "for a call of ",
	reactorv1.CallWait_CALL_WAIT_STREAM_READ:  "for items of a stream of ",
	reactorv1.CallWait_CALL_WAIT_STREAM_WRITE: "for the reader of a stream of ",
	reactorv1.CallWait_CALL_WAIT_FUTURE_READ:  "for a future of ",
	reactorv1.CallWait_CALL_WAIT_FUTURE_WRITE: "for the reader of a future of ",
	reactorv1.CallWait_CALL_WAIT_GATE:         "to begin",
	reactorv1.CallWait_CALL_WAIT_TURN:         "for their turn",
	reactorv1.CallWait_CALL_WAIT_EMPTY_SET:    "for a set that nothing is in",
}

func waitGroup(w *reactorv1.WaitGroup) string {
	words, known := waitWords[w.GetWait()]
	if !known {
		words = "for something else: "
	}
	target := w.GetTarget()
	if target == "" && strings.HasSuffix(words, "of ") {
		target = "nothing but itself"
	}
	who := "nobody in instance " + fmt.Sprint(w.GetInstance())
	if w.GetExport() != "" {
		who = whose(w.GetExport(), w.GetInstance())
	}
	return fmt.Sprintf("%s, %s %s%s", who, count(w.GetCount(), "time"), words, target)
}

func instanceGate(g *reactorv1.InstanceGate) string {
	var parts []string
	if n := g.GetHeld(); n > 0 {
		parts = append(parts, fmt.Sprintf("%s to begin", count(n, "call")))
	}
	if n := g.GetBackpressure(); n > 0 {
		parts = append(parts, fmt.Sprintf("backpressure %d", n))
	}
	if g.GetExclusive() != "" {
		parts = append(parts, g.GetExclusive()+" runs alone")
	}
	return fmt.Sprintf("instance %d: %s", g.GetInstance(), strings.Join(parts, ", "))
}

// stream says what went through a stream or future, and who waits for whom.
func stream(s *reactorv1.StreamStatus) string {
	kind := "stream"
	if s.GetFuture() {
		kind = "future"
	}
	if s.GetItem() != "" {
		kind += "<" + s.GetItem() + ">"
	}
	moved := count(s.GetItems(), "item")
	if s.GetBytes() > 0 {
		moved = Size(s.GetBytes())
	}
	text := fmt.Sprintf("%s, %s from %s to %s", kind, moved, party(s.GetWriter()), party(s.GetReader()))
	switch reads, writes := s.GetReader().GetWaits(), s.GetWriter().GetWaits(); {
	case reads && !writes:
		return text + ": " + waiter(s.GetReader()) + " waits for the writer"
	case writes && !reads:
		return text + ": " + waiter(s.GetWriter()) + " waits for the reader"
	case reads:
		return text + ": both wait"
	default:
		return text
	}
}

func party(p *reactorv1.StreamParty) string {
	switch p.GetOwner() {
	case reactorv1.EndOwner_END_OWNER_INSTANCE:
		return fmt.Sprintf("instance %d", p.GetInstance())
	case reactorv1.EndOwner_END_OWNER_HOST:
		return "the host"
	default:
		return "nobody"
	}
}

func waiter(p *reactorv1.StreamParty) string {
	if p.GetExport() != "" {
		return whose(p.GetExport(), p.GetInstance())
	}
	return party(p)
}

// circle says how calls wait for each other.
func circle(names []string) string {
	if len(names) == 1 {
		return names[0] + " waits for itself"
	}
	return names[0] + " waits for " + strings.Join(append(slices.Clone(names[1:]), names[0]), ", which waits for ") + ": none of them can go on"
}
