package lifelog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// TestAudit: who was granted what is logged, whatever workloads are.
func TestAudit(t *testing.T) {
	for _, scope := range []config.LogWorkloads{config.LogAllWorkloads, config.LogFailedWorkloads, config.LogNoWorkloads} {
		entries := run(zapcore.InfoLevel, scope, func(l *Log) {
			l.OnGranted("user 7", "w", []string{"--dial a:1", "--secret K=env:K"})
			l.OnRefused("token", "", "it is not allowed")
			l.OnRevoked("user 7", "w", []string{"--dial a:1"})
			l.OnDrained("token", false)
			l.OnDrained("user 7", true)
		})
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprint(e.Message, " ", e.ContextMap()))
		}
		want := []string{
			"workload submitted with grants map[caller:user 7 grants:[--dial a:1 --secret K=env:K] workload:w]",
			"workload refused for its grants map[caller:token message:it is not allowed]",
			"workload lost grants map[caller:user 7 grants:[--dial a:1] workload:w]",
			"draining for a caller map[caller:token]",
			"a caller has ended the drain map[caller:user 7]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
}

// TestAuditIsBounded: neither many refusals nor many workloads keep grants from the log, and lines are short.
func TestAuditIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	entries := run(zapcore.InfoLevel, config.LogAllWorkloads, func(l *Log) {
		for i := range 10 * burst {
			l.OnRefused("token", long, long)
			live(l.Hooks(), fmt.Sprint(i), hooks.Outcome{State: api.Failed})
		}
		l.OnGranted("token", long, append([]string{long}, make([]string, 100)...))
	})
	lines := map[string]int{}
	for _, e := range entries {
		lines[e.Message]++
		size := 0
		for _, v := range e.ContextMap() {
			size += len(fmt.Sprint(v))
		}
		if size > 4096 {
			t.Errorf("a line of %d bytes: %s", size, e.Message)
		}
	}
	if n := lines["workload refused for its grants"]; n == 0 || n > burst+perSecond*10 {
		t.Errorf("%d lines of refusals", n)
	}
	if lines["workload submitted with grants"] != 1 {
		t.Error("no line of what was granted")
	}
	last := entries[len(entries)-1]
	if last.Message != "more workloads than are logged one by one" || last.ContextMap()["refused"] == nil {
		t.Errorf("the last line is %s %v", last.Message, last.ContextMap())
	}
}
