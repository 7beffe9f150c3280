package lifelog

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/hooks"
)

// The bounds of one line about grants.
const (
	maxGrants   = 16
	maxText     = 200
	maxWorkload = 128
)

// audited is what a line about a caller has besides the workload.
type audited struct {
	caller string
	grants []string
	why    string
}

// OnGranted logs that a workload was submitted with grants. It is called by whoever knows the caller.
func (l *Log) OnGranted(caller, workload string, grants []string) {
	l.audit(granted, workload, audited{caller: caller, grants: shortened(grants)})
}

// OnRefused logs that a workload was not submitted since a grant is not allowed.
func (l *Log) OnRefused(caller, workload, why string) {
	l.audit(refused, workload, audited{caller: caller, why: clip.Text(why, maxText)})
}

// OnRevoked logs that grants of a workload were revoked.
func (l *Log) OnRevoked(caller, workload string, grants []string) {
	l.audit(revoked, workload, audited{caller: caller, grants: shortened(grants)})
}

// OnDrained logs that a caller has ended all starts, or has allowed them again.
func (l *Log) OnDrained(caller string, undone bool) {
	e := drained
	if undone {
		e = undrained
	}
	l.audit(e, "", audited{caller: caller})
}

func (l *Log) audit(e event, workload string, a audited) {
	l.add(line{event: e, of: hooks.Event{ID: clip.Text(workload, maxWorkload), Time: time.Now()}, audited: &a})
}

// shortened returns a copy that fits into a line.
func shortened(grants []string) []string {
	list := make([]string, 0, min(len(grants), maxGrants+1))
	for i, g := range grants {
		if i == maxGrants {
			list = append(list, fmt.Sprintf("and %d more", len(grants)-maxGrants))
			break
		}
		list = append(list, clip.Text(g, maxText))
	}
	return list
}

func (a *audited) fields(workload string) []zap.Field {
	fields := []zap.Field{zap.String("caller", a.caller)}
	if workload != "" {
		fields = append(fields, zap.String("workload", workload))
	}
	if len(a.grants) > 0 {
		fields = append(fields, zap.Strings("grants", a.grants))
	}
	if a.why != "" {
		fields = append(fields, zap.String("message", a.why))
	}
	return fields
}
