package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/internal/values"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// State returns a workload's state as a word.
func State(w *reactorv1.Workload) string {
	return enumWord(w.GetStatus().GetState().String(), "WORKLOAD_STATE_")
}

// stateStyles are the styles of the states that stand out.
var stateStyles = map[reactorv1.WorkloadState]screen.Style{
	reactorv1.WorkloadState_WORKLOAD_STATE_PENDING:   screen.Notable,
	reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING:   screen.Active,
	reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED: screen.Good,
	reactorv1.WorkloadState_WORKLOAD_STATE_FAILED:    screen.Bad,
	reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED: screen.Finished,
}

func state(w *reactorv1.Workload) screen.Span {
	return screen.Span{Text: State(w), Style: stateStyles[w.GetStatus().GetState()]}
}

func reason(w *reactorv1.Workload) string {
	s := w.GetStatus()
	switch s.GetReason() {
	case reactorv1.EndReason_END_REASON_UNSPECIFIED:
		return ""
	case reactorv1.EndReason_END_REASON_EXIT:
		return fmt.Sprintf("exit %d", s.GetExitCode())
	default:
		return enumWord(s.GetReason().String(), "END_REASON_")
	}
}

func enumWord(name, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", " ")
}

// End describes in one line how a workload ended, with its message if it has one.
func End(w *reactorv1.Workload) string {
	return printable.String(w.GetId()) + " " + ended(w)
}

// CallEnd describes in one line how a call ended that is no workload.
func CallEnd(s *reactorv1.WorkloadStatus) string {
	return ended(&reactorv1.Workload{Status: s})
}

func ended(w *reactorv1.Workload) string {
	text := State(w)
	if why := reason(w); why != "" && why != State(w) {
		text += " (" + why + ")"
	}
	if message := w.GetStatus().GetMessage(); message != "" {
		text += ": " + printable.Text(message)
	}
	for _, result := range w.GetStatus().GetResults() {
		text += "\n" + printable.String(result)
	}
	if result := resultText(w); result != "" {
		text += "\n" + printable.String(result)
	}
	return text
}

// resultText is what a called function has returned, cut if it is long.
func resultText(w *reactorv1.Workload) string {
	const shown = 4 << 10
	if w.GetStatus().GetResult() == nil {
		return ""
	}
	return values.Text(w.GetStatus().GetResult(), shown)
}

// callText is the call that a workload makes.
func callText(call *reactorv1.FunctionCall) string {
	const shown = 1 << 10
	if call == nil {
		return ""
	}
	args := &reactorv1.Value{Kind: &reactorv1.Value_Tuple{Tuple: &reactorv1.ListValue{Items: call.GetArgs()}}}
	return call.GetExport() + values.Text(args, shown)
}

// WorkloadColumns returns the columns of a list of workloads.
func WorkloadColumns(wide bool) []table.Column {
	columns := []table.Column{
		{Title: "ID"}, {Title: "NAME", Least: 8}, {Title: "STATE"}, {Title: "REASON", Least: 6},
		{Title: "AGE", Rank: 1}, {Title: "CPU", Right: true, Rank: 2},
	}
	if wide {
		columns = append(columns, []table.Column{
			{Title: "FUEL", Right: true}, {Title: "WAITED", Right: true}, {Title: "MEMORY", Right: true},
			{Title: "MODULE"}, {Title: "LABELS"}, {Title: "WAITING FOR"},
		}...)
	}
	return columns
}

// WorkloadRow returns the row of a workload.
func WorkloadRow(w *reactorv1.Workload, wide bool) table.Row {
	s, u := w.GetStatus(), w.GetStatus().GetUsage()
	why := screen.Span{Text: reason(w)}
	if s.GetState() == reactorv1.WorkloadState_WORKLOAD_STATE_PENDING && s.GetDelay() != nil {
		why = screen.Span{Text: enumWord(s.GetDelay().GetReason().String(), "DELAY_REASON_"), Style: screen.Notable}
	}
	cpu, fuel, waited, memory := duration(u.GetCpuTime()), comma(u.GetFuel()), duration(u.GetWaitingTime()), Size(u.GetPeakMemoryBytes())
	if endedUnrun(w) {
		cpu, fuel, waited, memory = "", "", "", ""
	}
	row := table.Row{{Text: w.GetId()}, {Text: w.GetSpec().GetName()}, state(w), why, {Text: age(s.GetCreateTime())}, {Text: cpu}}
	if wide {
		row = append(row, table.Cells(
			fuel, waited, memory,
			ShortDigest(w.GetSpec().GetModule()), labels(w.GetSpec().GetLabels()), strings.Join(waitingFor(s.GetWaitingFor()), ", "),
		)...)
	}
	return row
}

// endedUnrun reports whether a workload has ended before its guest ran. What it has used is then the host's work on its
// start, and says nothing of the guest.
func endedUnrun(w *reactorv1.Workload) bool {
	s := w.GetStatus()
	return s.GetReason() == reactorv1.EndReason_END_REASON_GRANT_DENIED || s.GetEndTime() != nil && s.GetStartTime() == nil
}

// Workloads returns a list of workloads.
func Workloads(workloads []*reactorv1.Workload, wide bool) List {
	list := List{Columns: WorkloadColumns(wide)}
	for _, w := range workloads {
		list.Rows = append(list.Rows, WorkloadRow(w, wide))
	}
	return list
}

// Workload returns one workload in full, with what it was refused. If room is not zero, no line is wider.
func Workload(w *reactorv1.Workload, refused string, room int) []screen.Line {
	return table.Pairs(slices.Concat(aboutSpec(w), aboutLife(w), aboutActivity(w.GetStatus().GetActivity()), aboutUse(w), aboutEnd(w, refused)), room)
}

// aboutSpec says what was submitted, except for the limits.
func aboutSpec(w *reactorv1.Workload) []table.Pair {
	spec := w.GetSpec()
	how := state(w)
	if why := reason(w); why != "" && why != how.Text {
		how.Text += " (" + why + ")"
	}
	input := ""
	if n := len(spec.GetStdin()); n > 0 {
		input = Size(uint64(n))
	}
	if spec.GetInteractive() {
		input = strings.TrimPrefix(input+", then from attached clients", ", ")
	}
	if from := spec.GetStdinFrom(); from != "" {
		input = "reads from workload " + from
	}
	output := ""
	if to := spec.GetStdoutTo(); to != "" {
		output = "writes to workload " + to
	}
	return []table.Pair{
		pair("id", w.GetId()),
		pair("name", spec.GetName()),
		{Name: "state", Values: []screen.Span{how}},
		pair("module", strings.TrimPrefix(spec.GetModule(), "sha256:")), // so that it fits into 80 columns
		pair("invokes", spec.GetInvoke()),
		pair("calls", callText(spec.GetCall())),
		pair("serves", served(spec.GetServe(), slices.ContainsFunc(spec.GetGrants(), func(g *reactorv1.Grant) bool { return g.GetListener() != nil }))),
		pair("args", arguments(spec.GetArgs())),
		listed("env", environment(spec.GetEnv())...),
		pair("stdin", input),
		pair("stdout", output),
		listed("grants", grantsOf(w)...),
		pair("labels", labels(spec.GetLabels())),
	}
}

// aboutLife says when what happened, and what is waited for.
func aboutLife(w *reactorv1.Workload) []table.Pair {
	s := w.GetStatus()
	attempts := ""
	if n := s.GetAttempts(); n > 0 {
		attempts = fmt.Sprint(n)
	}
	return []table.Pair{
		pair("created", moment(s.GetCreateTime())),
		pair("started", moment(s.GetStartTime())),
		pair("ended", moment(s.GetEndTime())),
		pair("attempts", attempts),
		pair("delayed", delayed(s.GetDelay())),
		listed("waits for", waitingFor(s.GetWaitingFor())...),
		{Name: "stuck", Values: stuck(s.GetStuck())},
		listed("listens on", s.GetListenAddresses()...),
		pair("requests", requests(s.GetService())),
		pair("instances", instances(s.GetService())),
	}
}

// aboutUse says what was used, of how much.
func aboutUse(w *reactorv1.Workload) []table.Pair {
	l, u := w.GetSpec().GetLimits(), w.GetStatus().GetUsage()
	if endedUnrun(w) {
		return []table.Pair{pair("limits", limits(l))}
	}
	of := func(used, limit string) string {
		if limit == "" {
			return used
		}
		return used + " of " + limit
	}
	fuel, timeout := "", ""
	if l.GetFuel() > 0 {
		fuel = comma(l.GetFuel())
	}
	if d := l.GetTimeout().AsDuration(); d > 0 {
		timeout = given(d)
	}
	ready := ""
	if u.GetReadyTime().AsDuration() > 0 {
		ready = duration(u.GetReadyTime()) + " without a worker"
	}
	output := of(Size(u.GetLogBytes()), Size(l.GetLogBytes()))
	if n := u.GetLogBytesDropped(); n > 0 {
		output = fmt.Sprintf("%s, of which %s were dropped: %s are kept", Size(u.GetLogBytes()), Size(n), Size(l.GetLogBytes()))
	}
	others := fmt.Sprintf("stack %s, descriptors %d, pending ops %d", Size(l.GetStackBytes()), l.GetDescriptors(), l.GetPendingOps())
	if n := l.GetConnections(); n > 0 {
		others += fmt.Sprintf(", connections %d", n)
	}
	return []table.Pair{
		pair("cpu time", duration(u.GetCpuTime())),
		pair("ready", ready),
		pair("waited", waited(u)),
		pair("timeout", timeout),
		pair("fuel", of(comma(u.GetFuel()), fuel)),
		pair("peak memory", of(Size(u.GetPeakMemoryBytes()), Size(l.GetMemoryBytes()))),
		pair("output", output),
		pair("network", traffic(u, l)),
		pair("other limits", others),
	}
}

// aboutEnd says what came of it.
func aboutEnd(w *reactorv1.Workload, refused string) []table.Pair {
	s := w.GetStatus()
	return []table.Pair{
		listed("results", s.GetResults()...),
		pair("result", resultText(w)),
		listed("message", strings.Split(s.GetMessage(), "\n")...),
		aboutCrash(s.GetCrash()),
		pair("refused", refused),
	}
}

// arguments writes arguments in one line, quoted where they would be taken for several.
func arguments(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'\\$`") {
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func environment(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// delayed describes what keeps a workload from being started.
func delayed(d *reactorv1.Delay) string {
	if d == nil {
		return ""
	}
	text := d.GetMessage()
	if d.GetUntil() != nil {
		text += fmt.Sprintf(" (tried again in %s)", until(d.GetUntil()))
	}
	return text
}

func labels(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

// stuck says that nothing can wake a workload.
func stuck(text string) []screen.Span {
	if text == "" {
		return nil
	}
	return []screen.Span{{Text: text, Style: screen.Bad}}
}

// waited says how long a workload has waited, and for what kinds of operations.
func waited(u *reactorv1.Usage) string {
	var kinds []string
	for _, w := range u.GetWaits() {
		kinds = append(kinds, fmt.Sprintf("%s %s in %s", opKind(w.GetKind()), duration(w.GetTime()), count(w.GetCount(), "wait")))
	}
	total := duration(u.GetWaitingTime())
	if len(kinds) == 0 {
		return total
	}
	return total + ": " + strings.Join(kinds, ", ")
}

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return comma(n) + " " + what + "s"
}

// waitingFor describes the first operations that a workload waits for.
func waitingFor(ops []*reactorv1.Op) []string {
	const shown = 3
	texts := make([]string, 0, shown+1)
	for i, op := range ops {
		if i == shown {
			texts = append(texts, fmt.Sprintf("and %d more", len(ops)-shown))
			break
		}
		text := opKind(op.GetKind())
		if target := OpTarget(op); target != "" {
			text += " " + target
		}
		text += " for " + age(op.GetStartTime())
		if why := op.GetReason(); why != "" {
			text += ": " + why
		}
		texts = append(texts, text)
	}
	return texts
}
