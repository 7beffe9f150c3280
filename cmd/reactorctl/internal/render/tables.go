package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// table writes rows of cells in aligned columns. A cell never breaks its line, whatever it contains.
func table(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable.String(cell)
		}
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return tw.Flush()
}

// State returns a workload's state as a word.
func State(w *reactorv1.Workload) string {
	return enumWord(w.GetStatus().GetState().String(), "WORKLOAD_STATE_")
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
	text := fmt.Sprintf("%s %s", printable.String(w.GetId()), State(w))
	if why := reason(w); why != "" && why != State(w) {
		text += " (" + why + ")"
	}
	if message := w.GetStatus().GetMessage(); message != "" {
		text += ": " + printable.Text(message)
	}
	for _, result := range w.GetStatus().GetResults() {
		text += "\n" + printable.String(result)
	}
	return text
}

// Change prints one change of a watch as a line.
func Change(w io.Writer, workload *reactorv1.Workload) error {
	_, err := fmt.Fprintf(w, "%-36s  %-10s  %-14s  %s\n",
		printable.String(workload.GetId()), State(workload), reason(workload), printable.String(workload.GetSpec().GetName()))
	return err
}

// Workloads prints a list of workloads.
func Workloads(w io.Writer, workloads []*reactorv1.Workload, wide bool) error {
	header := []string{"ID", "NAME", "STATE", "REASON", "AGE", "CPU"}
	if wide {
		header = append(header, "MODULE", "FUEL", "WAITED", "MEMORY", "LABELS", "WAITING FOR")
	}
	rows := [][]string{header}
	for _, workload := range workloads {
		s, u := workload.GetStatus(), workload.GetStatus().GetUsage()
		row := []string{workload.GetId(), workload.GetSpec().GetName(), State(workload), reason(workload), age(s.GetCreateTime()), duration(u.GetCpuTime())}
		if wide {
			row = append(row, shortDigest(workload.GetSpec().GetModule()), humanize.Comma(int64(u.GetFuel())), duration(u.GetWaitingTime()),
				humanize.IBytes(u.GetPeakMemoryBytes()), labels(workload.GetSpec().GetLabels()), waitingFor(s.GetWaitingFor()))
		}
		rows = append(rows, row)
	}
	return table(w, rows)
}

// Workload prints one workload in full.
func Workload(w io.Writer, workload *reactorv1.Workload) error {
	spec, s, u := workload.GetSpec(), workload.GetStatus(), workload.GetStatus().GetUsage()
	rows := [][]string{
		{"id", workload.GetId()},
		{"name", spec.GetName()},
		{"state", State(workload)},
		{"reason", reason(workload)},
		{"module", spec.GetModule()},
		{"labels", labels(spec.GetLabels())},
		{"attempts", fmt.Sprint(s.GetAttempts())},
		{"created", moment(s.GetCreateTime())},
		{"started", moment(s.GetStartTime())},
		{"ended", moment(s.GetEndTime())},
		{"fuel", humanize.Comma(int64(u.GetFuel()))},
		{"cpu time", duration(u.GetCpuTime())},
		{"waiting time", duration(u.GetWaitingTime())},
		{"peak memory", humanize.IBytes(u.GetPeakMemoryBytes())},
		{"output", output(u)},
		{"listening on", strings.Join(s.GetListenAddresses(), ", ")},
		{"waiting for", waitingFor(s.GetWaitingFor())},
		{"delayed", delayed(s.GetDelay())},
		{"results", strings.Join(s.GetResults(), ", ")},
	}
	rows = slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })
	if err := table(w, rows); err != nil {
		return err
	}
	if s.GetMessage() != "" {
		fmt.Fprintf(w, "\n%s\n", printable.Text(s.GetMessage()))
	}
	return crash(w, s.GetCrash())
}

// delayed describes what keeps a workload from being started.
func delayed(d *reactorv1.Delay) string {
	if d == nil {
		return ""
	}
	text := d.GetMessage()
	if left := time.Until(d.GetUntil().AsTime()).Round(100 * time.Millisecond); left > 0 {
		text += fmt.Sprintf(" (tried again in %v)", left)
	}
	return text
}

func output(u *reactorv1.Usage) string {
	text := humanize.IBytes(u.GetLogBytes())
	if n := u.GetLogBytesDropped(); n > 0 {
		text += fmt.Sprintf(" (%s of it dropped)", humanize.IBytes(n))
	}
	return text
}

// opKind returns an op's kind in words.
func opKind(op *reactorv1.Op) string {
	return strings.ToLower(strings.TrimPrefix(op.GetKind().String(), "OP_KIND_"))
}

// Ops prints a list of pending operations.
func Ops(w io.Writer, ops []*reactorv1.Op) error {
	rows := [][]string{{"WORKLOAD", "KIND", "TARGET", "AGE", "ENDS IN", "BYTES"}}
	for _, op := range ops {
		ends := ""
		if op.GetDeadline() != nil {
			ends = time.Until(op.GetDeadline().AsTime()).Round(time.Millisecond).String()
		}
		rows = append(rows, []string{op.GetWorkloadId(), opKind(op), op.GetTarget(), age(op.GetStartTime()), ends, fmt.Sprint(op.GetBytes())})
	}
	return table(w, rows)
}

// Modules prints a list of modules.
func Modules(w io.Writer, modules []*reactorv1.Module, wide bool) error {
	rows := [][]string{{"DIGEST", "SIZE", "KIND", "AGE", "TAGS"}}
	if wide {
		rows[0] = append(rows[0], "FUNCTIONS", "NEEDS")
	}
	for _, m := range modules {
		digest := shortDigest(m.GetDigest())
		if wide {
			digest = m.GetDigest()
		}
		row := []string{digest, humanize.IBytes(m.GetSizeBytes()), moduleKind(m), age(m.GetCreateTime()), strings.Join(m.GetTags(), ", ")}
		if wide {
			row = append(row, fmt.Sprint(m.GetFunctionCount()), strings.Join(m.GetNeeds(), ", "))
		}
		rows = append(rows, row)
	}
	return table(w, rows)
}

// Module prints one module in full.
func Module(w io.Writer, m *reactorv1.Module) error {
	memory := "none"
	if m.GetMemory() != nil {
		memory = humanize.IBytes(m.GetMemory().GetMinBytes()) + " at the start"
		if m.GetMemory().MaxBytes != nil {
			memory += ", " + humanize.IBytes(m.GetMemory().GetMaxBytes()) + " at most"
		}
	}
	needs := "none"
	if len(m.GetNeeds()) > 0 {
		needs = strings.Join(m.GetNeeds(), ", ")
	}
	rows := [][]string{
		{"digest", m.GetDigest()}, {"size", humanize.IBytes(m.GetSizeBytes())}, {"kind", moduleKind(m)},
		{"tags", strings.Join(m.GetTags(), ", ")}, {"created", moment(m.GetCreateTime())},
		{"functions", fmt.Sprint(m.GetFunctionCount())}, {"memory", memory}, {"needs", needs},
	}
	for _, i := range m.GetImports() {
		rows = append(rows, []string{"import", i.GetModule() + "." + i.GetName() + " " + i.GetType()})
	}
	for _, e := range m.GetExports() {
		rows = append(rows, []string{"export", e.GetName() + " " + e.GetType()})
	}
	return table(w, rows)
}

func moduleKind(m *reactorv1.Module) string { return enumWord(m.GetKind().String(), "MODULE_KIND_") }

// Node prints a daemon's description.
func Node(w io.Writer, n *reactorv1.Node) error {
	state := "serving"
	if n.GetDraining() {
		state = "draining"
	}
	return table(w, [][]string{
		{"version", n.GetVersion()},
		{"platform", n.GetPlatform() + ", " + n.GetGoVersion()},
		{"state", state},
		{"started", moment(n.GetStartTime())},
		{"process", fmt.Sprint(n.GetProcessId())},
		{"workers", fmt.Sprint(n.GetWorkers())},
		{"data folder", n.GetDataDir()},
		{"guest memory limit", humanize.IBytes(n.GetMemoryBytes())},
		{"default limits", limits(n.GetDefaultLimits())},
		{"maximum limits", limits(n.GetMaxLimits())},
	})
}

func limits(l *reactorv1.Limits) string {
	parts := []string{
		"memory " + humanize.IBytes(l.GetMemoryBytes()), "stack " + humanize.IBytes(l.GetStackBytes()),
		"log " + humanize.IBytes(l.GetLogBytes()), fmt.Sprintf("descriptors %d", l.GetDescriptors()), fmt.Sprintf("pending ops %d", l.GetPendingOps()),
	}
	if l.GetFuel() > 0 {
		parts = append(parts, "fuel "+humanize.Comma(int64(l.GetFuel())))
	}
	if l.GetTimeout().AsDuration() > 0 {
		parts = append(parts, "timeout "+l.GetTimeout().AsDuration().String())
	}
	return strings.Join(parts, ", ")
}

// Stats prints a daemon's statistics.
func Stats(w io.Writer, s *reactorv1.Stats) error {
	return table(w, [][]string{
		{"workloads", fmt.Sprintf("%s pending, %s running, %s waiting (most at once: %s)", comma(s.GetPending()), comma(s.GetRunning()), comma(s.GetWaiting()), comma(s.GetWaitingPeak()))},
		{"since the start", fmt.Sprintf("%s submitted, %s succeeded, %s failed, %s cancelled", comma(s.GetSubmitted()), comma(s.GetSucceeded()), comma(s.GetFailed()), comma(s.GetCancelled()))},
		{"memory", fmt.Sprintf("%s resident (most: %s), %s guests, %s heap", humanize.IBytes(s.GetResidentBytes()), humanize.IBytes(s.GetResidentPeakBytes()), humanize.IBytes(s.GetGuestMemoryBytes()), humanize.IBytes(s.GetHeapBytes()))},
		{"executor", fmt.Sprintf("%s resumes, %s preemptions, busy %s", comma(s.GetResumes()), comma(s.GetPreemptions()), duration(s.GetBusyTime()))},
		{"wake lateness", fmt.Sprintf("p50 %s, p99 %s, max %s", duration(s.GetWakeLatenessP50()), duration(s.GetWakeLatenessP99()), duration(s.GetWakeLatenessMax()))},
		{"goroutines", comma(s.GetGoroutines())},
		{"compiled modules", comma(s.GetCompiledModules())},
	})
}

// StatsLine prints one reading of a stream of statistics.
func StatsLine(w io.Writer, s *reactorv1.Stats) error {
	_, err := fmt.Fprintf(w, "%s  pending %-8s running %-6s waiting %-8s done %-9s resident %-9s late p99 %s\n",
		s.GetTime().AsTime().Local().Format(time.TimeOnly), comma(s.GetPending()), comma(s.GetRunning()), comma(s.GetWaiting()),
		comma(s.GetSucceeded()+s.GetFailed()+s.GetCancelled()), humanize.IBytes(s.GetResidentBytes()), duration(s.GetWakeLatenessP99()))
	return err
}

// Contexts prints the contexts of the configuration file.
func Contexts(w io.Writer, s settings.Settings) error {
	rows := [][]string{{"", "NAME", "ADDRESS"}}
	names := make([]string, 0, len(s.Contexts))
	for name := range s.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		mark := ""
		if name == s.CurrentContext {
			mark = "*"
		}
		rows = append(rows, []string{mark, name, s.Contexts[name].Address})
	}
	return table(w, rows)
}

func comma(n uint64) string { return humanize.Comma(int64(n)) }

func age(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	d := time.Since(t.AsTime())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return d.Round(time.Second).String()
	default:
		return humanize.Time(t.AsTime())
	}
}

func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02 15:04:05.000 MST")
}

func duration(d *durationpb.Duration) string {
	switch v := d.AsDuration(); {
	case v == 0:
		return "0s"
	case v < time.Millisecond:
		return v.Round(time.Microsecond).String()
	case v < time.Second:
		return v.Round(10 * time.Microsecond).String()
	default:
		return v.Round(time.Millisecond).String()
	}
}

func shortDigest(digest string) string {
	const shown = len("sha256:") + 12
	if strings.HasPrefix(digest, "sha256:") && len(digest) > shown {
		return digest[:shown]
	}
	return digest
}

func labels(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

func waitingFor(ops []*reactorv1.Op) string {
	const shown = 3
	texts := make([]string, 0, shown+1)
	for i, op := range ops {
		if i == shown {
			texts = append(texts, fmt.Sprintf("and %d more", len(ops)-shown))
			break
		}
		text := opKind(op)
		if op.GetTarget() != "" {
			text += " " + op.GetTarget()
		}
		texts = append(texts, text+" for "+age(op.GetStartTime()))
	}
	return strings.Join(texts, ", ")
}
