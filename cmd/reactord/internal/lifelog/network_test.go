package lifelog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

func TestNetworkFailures(t *testing.T) {
	want := []string{
		"connect, 10.0.0.7:5432, no grant covers it, 1",
		"resolve, db.example.org, the name has no addresses, 10",
		"<nil>, many others, no grant covers it, 1000",
	}
	for scope, want := range map[config.LogWorkloads][]string{config.LogAllWorkloads: want, config.LogFailedWorkloads: want, config.LogNoWorkloads: nil} {
		var got []string
		for _, e := range run(zapcore.InfoLevel, scope, func(l *Log) {
			on, event := l.Hooks().OnNetworkFailure, hooks.Event{ID: "w", Tenant: "default", Attempt: 2, Time: time.Now()}
			on(event, hooks.NetworkFailure{Kind: "connect", Target: "10.0.0.7:5432", Message: "no grant covers it", Times: 1})
			on(event, hooks.NetworkFailure{Kind: "resolve", Target: "db.example.org", Message: "the name has no addresses", Times: 10})
			on(event, hooks.NetworkFailure{Message: "no grant covers it", Times: 1000})
		}) {
			m := e.ContextMap()
			if e.Message != "workload did not get what it asked of the network" || m["workload"] != "w" || m["attempt"] != uint32(2) {
				t.Errorf("%s %v", e.Message, m)
			}
			got = append(got, fmt.Sprintf("%v, %v, %v, %v", m["kind"], m["target"], m["message"], m["times"]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
}

// TestNetworkFailuresAreBounded: guests that fail in ever new ways leave few lines, which are short, and crowd out no others.
func TestNetworkFailuresAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	lines := map[string]int{}
	for _, e := range run(zapcore.InfoLevel, config.LogAllWorkloads, func(l *Log) {
		h := l.Hooks()
		for i := range 100 * burst {
			h.OnNetworkFailure(hooks.Event{ID: fmt.Sprint(i), Time: time.Now()}, hooks.NetworkFailure{Kind: "resolve", Target: long, Message: long, Times: 1})
		}
		l.OnRefused("token", "w", "it is not allowed")
		live(h, "bad", hooks.Outcome{State: api.Failed})
	}) {
		if lines[e.Message]++; len(fmt.Sprint(e.ContextMap())) > 1024 {
			t.Fatalf("a long line: %s", e.Message)
		}
	}
	if n := lines["workload did not get what it asked of the network"]; n < burst || n > burst+perSecond*10 {
		t.Errorf("%d lines of failures", n)
	}
	for _, other := range []string{"workload refused for its grants", "workload submitted", "workload started", "workload ended", "more workloads than are logged one by one"} {
		if lines[other] != 1 {
			t.Errorf("%d lines %q", lines[other], other)
		}
	}
}
