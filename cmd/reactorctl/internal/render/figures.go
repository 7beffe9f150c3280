package render

import (
	"strings"

	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/screen"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Span writes a length of time in the unit that matters, and one more while that says something.
func Span(d time.Duration) string { return span(d) }

// Count writes a number with commas.
func Count(n uint64) string { return comma(n) }

// Measured writes a time that was measured.
func Measured(d *durationpb.Duration) string { return duration(d) }

// OpKind returns a kind of operation in words.
func OpKind(kind reactorv1.OpKind) string { return opKind(kind) }

// WaitsFor describes the first operation that a workload waits for, and says how many more there are. Of a component that has
// several calls in progress it says how many, too, and of a service which requests there were.
func WaitsFor(s *reactorv1.WorkloadStatus) string {
	ops := s.GetWaitingFor()
	if service := s.GetService(); service != nil && len(ops) > 0 && ops[0].GetKind() == reactorv1.OpKind_OP_KIND_ACCEPT {
		return firstOp(ops[:1]) + ": requests " + requests(service)
	}
	text := firstOp(ops)
	if n := s.GetCalls(); n > 1 {
		return strings.TrimSuffix(comma(uint64(n))+" calls: "+text, ": ")
	}
	return text
}

func firstOp(ops []*reactorv1.Op) string {
	if len(ops) == 0 {
		return ""
	}
	text := opKind(ops[0].GetKind())
	if target := OpTarget(ops[0]); target != "" {
		text += " " + target
	}
	if len(ops) > 1 {
		text += " +" + comma(uint64(len(ops)-1))
	}
	return text
}

// StateSpan returns a workload's state as a word in its colour.
func StateSpan(w *reactorv1.Workload) screen.Span { return state(w) }

// Labels writes labels in one line.
func Labels(m map[string]string) string { return labels(m) }
