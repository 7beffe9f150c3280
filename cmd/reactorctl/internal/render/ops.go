package render

import (
	"strings"

	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// opKind returns an op's kind in words.
func opKind(op *reactorv1.Op) string {
	if op.GetKind() == reactorv1.OpKind_OP_KIND_UNSPECIFIED {
		return "other"
	}
	return strings.ToLower(strings.TrimPrefix(op.GetKind().String(), "OP_KIND_"))
}

// Ops returns a list of pending operations.
func Ops(ops []*reactorv1.Op) List {
	list := List{Columns: []table.Column{
		{Title: "WORKLOAD"}, {Title: "KIND"}, {Title: "TARGET", Least: 12}, {Title: "AGE"}, {Title: "ENDS IN"},
		{Title: "BYTES", Right: true, Rank: 1},
	}}
	for _, op := range ops {
		bytes := ""
		if n := op.GetBytes(); n > 0 {
			bytes = comma(n)
		}
		list.Rows = append(list.Rows, table.Cells(op.GetWorkloadId(), opKind(op), op.GetTarget(), age(op.GetStartTime()), until(op.GetDeadline()), bytes))
	}
	return list
}
