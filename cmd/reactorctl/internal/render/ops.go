package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// opKind returns a kind of operations as a word.
func opKind(kind reactorv1.OpKind) string {
	if _, known := reactorv1.OpKind_name[int32(kind)]; !known || kind == reactorv1.OpKind_OP_KIND_UNSPECIFIED {
		return "other"
	}
	return strings.ToLower(strings.TrimPrefix(kind.String(), "OP_KIND_"))
}

// OpTarget returns what an operation acts on. The URL of a request does not say which workload has it.
func OpTarget(op *reactorv1.Op) string {
	if op.GetPeer() != "" && op.GetKind() == reactorv1.OpKind_OP_KIND_HTTP {
		return op.GetTarget() + " (workload " + op.GetPeer() + ")"
	}
	return op.GetTarget()
}

// Ops returns a list of pending operations, with their workloads or of a single one.
func Ops(ops []*reactorv1.Op, withWorkloads bool) List {
	var list List
	if withWorkloads {
		list.Columns = []table.Column{{Title: "WORKLOAD"}}
	}
	list.Columns = append(list.Columns,
		table.Column{Title: "KIND"}, table.Column{Title: "TARGET", Least: 21, Middle: true}, table.Column{Title: "AGE"},
		table.Column{Title: "BYTES", Right: true, Rank: 2}, table.Column{Title: "ENDS IN", Rank: 1}, table.Column{Title: "GRANT", Least: 12, Middle: true, Rank: 3},
	)
	reasons := slices.ContainsFunc(ops, func(op *reactorv1.Op) bool { return op.GetReason() != "" })
	if reasons {
		list.Columns = append(list.Columns, table.Column{Title: "REASON", Least: 20})
	}
	for _, op := range ops {
		bytes := ""
		if n := op.GetTransferred(); n > 0 {
			bytes = Size(n)
		}
		row := table.Cells(opKind(op.GetKind()), OpTarget(op), age(op.GetStartTime()), bytes, until(op.GetDeadline()), OpGrant(op))
		if reasons {
			row = append(row, screen.Span{Text: op.GetReason(), Style: screen.Notable})
		}
		if withWorkloads {
			row = append(table.Cells(op.GetWorkloadId()), row...)
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// OpGroups returns a list of what workloads wait for, in words.
func OpGroups(s *reactorv1.SummarizeOpsResponse) List {
	list := List{Columns: []table.Column{
		{Title: "OPS", Right: true}, {Title: "WAITING", Least: 20}, {Title: "OLDEST"}, {Title: "OLDEST WORKLOAD", Least: 10, Rank: 1},
	}}
	for _, g := range s.GetGroups() {
		list.Rows = append(list.Rows, table.Cells(comma(g.GetCount()), groupWaiting(g), age(g.GetOldestStartTime()), g.GetOldestWorkloadId()))
	}
	if n := s.GetOthers(); n > 0 {
		list.Rows = append(list.Rows, table.Row{{Text: comma(n)}, {Text: "for something else", Style: screen.Faint}, {}, {}})
	}
	return list
}

// groupWaiting says what operations of a group do, and which workloads they wait for if their target does not.
func groupWaiting(g *reactorv1.OpGroup) string {
	const most = 4 // that a daemon tells
	text, peers := Waiting(g.GetKind(), g.GetTarget()), g.GetPeers()
	if len(peers) == 0 || g.GetTarget() != "" && g.GetKind() != reactorv1.OpKind_OP_KIND_HTTP {
		return text
	}
	if len(peers) == most {
		peers = append(slices.Clip(peers), "...")
	}
	return fmt.Sprintf("%s (%s %s)", text, pick(uint64(len(peers)), "workload", "workloads"), strings.Join(peers, ", "))
}

// OpTotals says how many workloads wait, and whether some are stuck.
func OpTotals(s *reactorv1.SummarizeOpsResponse) (lines []string) {
	if n := s.GetStuck(); n > 0 {
		lines = append(lines, fmt.Sprintf("%s %s stuck: nothing but a deadline can wake %s any more", comma(n), pick(n, "workload is", "workloads are"), pick(n, "it", "them")))
	}
	return append(lines, fmt.Sprintf("%s %s", comma(s.GetWaiting()), pick(s.GetWaiting(), "workload waits", "workloads wait")))
}

func pick(n uint64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// waitingWords say of each kind what a guest does that waits for it: on a target, and without one.
var waitingWords = map[reactorv1.OpKind][2]string{
	reactorv1.OpKind_OP_KIND_TIMER:       {"sleeping for %s", "sleeping"},
	reactorv1.OpKind_OP_KIND_READ:        {"reading from %s", "reading standard input"},
	reactorv1.OpKind_OP_KIND_WRITE:       {"writing to %s", "writing output"},
	reactorv1.OpKind_OP_KIND_ACCEPT:      {"accepting at %s", "accepting connections"},
	reactorv1.OpKind_OP_KIND_FILE:        {"using %s", "using a file"},
	reactorv1.OpKind_OP_KIND_CONNECT:     {"connecting to %s", "connecting"},
	reactorv1.OpKind_OP_KIND_LISTEN:      {"opening a listener at %s", "opening a listener"},
	reactorv1.OpKind_OP_KIND_INSTANTIATE: {"being prepared: %s", "being prepared"},
	reactorv1.OpKind_OP_KIND_MEMORY:      {"waiting for %s", "waiting for memory"},
	reactorv1.OpKind_OP_KIND_RESOLVE:     {"looking up %s", "looking up a name"},
	reactorv1.OpKind_OP_KIND_HANDSHAKE:   {"beginning TLS with %s", "beginning TLS"},
	reactorv1.OpKind_OP_KIND_RATE:        {"held to their rate at %s", "held to their rate"},
	reactorv1.OpKind_OP_KIND_HTTP:        {"asking for %s", "asking over HTTP"},
	reactorv1.OpKind_OP_KIND_SERVE:       {"answering %s", "answering requests"},
	reactorv1.OpKind_OP_KIND_CALL:        {"calling %s", "calling other workloads"},
}

// Waiting says what a guest does that waits for a kind of operation.
func Waiting(kind reactorv1.OpKind, target string) string {
	words, known := waitingWords[kind]
	switch {
	case !known:
		return strings.TrimSpace("other " + target)
	case target == "":
		return words[1]
	default:
		return fmt.Sprintf(words[0], target)
	}
}
