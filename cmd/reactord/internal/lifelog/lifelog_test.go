package lifelog

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// live calls the hooks of one workload.
func live(h hooks.Hooks, id string, o hooks.Outcome) {
	e := hooks.Event{ID: id, Time: time.Now()}
	h.OnQueued(e)
	e.Attempt = 1
	h.OnLoaded(e)
	h.OnCommitted(e, o)
}

// run runs a log while test runs, and returns what it has written.
func run(level zapcore.Level, scope config.LogWorkloads, test func(l *Log)) []observer.LoggedEntry {
	core, logs := observer.New(level)
	l := New(zap.New(core), scope)
	l.TakeSubmissions()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	test(l)
	cancel()
	<-ended
	return logs.All()
}

func texts(entries []observer.LoggedEntry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Message)
	}
	return list
}

func TestLife(t *testing.T) {
	ok, bad := hooks.Outcome{State: api.Succeeded}, hooks.Outcome{State: api.Failed, Reason: api.ReasonTrap, Message: "unreachable", Usage: api.Usage{CPUTime: time.Second}}
	for _, tt := range []struct {
		level zapcore.Level
		scope config.LogWorkloads
		want  []string
	}{
		{zap.InfoLevel, config.LogAllWorkloads, []string{"workload submitted", "workload started", "workload ended", "workload submitted", "workload started", "workload ended"}},
		{zap.InfoLevel, config.LogFailedWorkloads, []string{"workload ended"}},
		{zap.InfoLevel, config.LogNoWorkloads, nil},
		{zap.WarnLevel, config.LogAllWorkloads, nil},
	} {
		got := run(tt.level, tt.scope, func(l *Log) {
			live(l.Hooks(), "a", ok)
			live(l.Hooks(), "b", bad)
		})
		if !slices.Equal(texts(got), tt.want) {
			t.Errorf("%v, %v: %q", tt.level, tt.scope, texts(got))
		}
		if len(got) > 0 {
			last := got[len(got)-1].ContextMap()
			if last["workload"] != "b" || last["reason"] != api.ReasonTrap.String() || last["message"] != "unreachable" || last["cpu"] != time.Second {
				t.Errorf("the last line has %v", last)
			}
		}
	}
}

// A flood leaves a bounded number of lines and their count, and failures in it are told all the same.
func TestFlood(t *testing.T) {
	const flood = 10_000
	synctest.Test(t, func(t *testing.T) {
		got := run(zap.InfoLevel, config.LogAllWorkloads, func(l *Log) {
			h := l.Hooks()
			for i := range flood {
				live(h, fmt.Sprint(i), hooks.Outcome{State: api.Succeeded})
			}
			live(h, "bad", hooks.Outcome{State: api.Failed})
			time.Sleep(interval)
			synctest.Wait()
			live(h, "later", hooks.Outcome{State: api.Succeeded})
		})
		if len(got) != burst+1+1+3 {
			t.Errorf("there are %d lines", len(got))
		}
		found := false
		for _, e := range got {
			found = found || e.ContextMap()["workload"] == "bad"
		}
		if !found {
			t.Error("the failure is not told of")
		}
		summary := got[burst+1]
		counts, sum := summary.ContextMap(), uint64(burst)
		for _, word := range []string{"submitted", "started", "succeeded"} {
			sum += counts[word].(uint64)
		}
		if sum != 3*flood+2 || counts["failed"] != nil {
			t.Errorf("the summary is %q, %v", summary.Message, counts)
		}
	})
}

// At the level debug nothing is left out while the log is read.
func TestDebug(t *testing.T) {
	got := run(zap.DebugLevel, config.LogAllWorkloads, func(l *Log) {
		for i := range most / 3 {
			live(l.Hooks(), fmt.Sprint(i), hooks.Outcome{State: api.Succeeded})
		}
	})
	if len(got) != most/3*3 {
		t.Errorf("there are %d lines", len(got))
	}
}

// While nobody reads the log, lines are counted and take no more memory.
func TestNobodyReads(t *testing.T) {
	core, _ := observer.New(zap.DebugLevel)
	l := New(zap.New(core), config.LogAllWorkloads)
	l.TakeSubmissions()
	for i := range most {
		live(l.Hooks(), fmt.Sprint(i), hooks.Outcome{State: api.Cancelled})
	}
	if len(l.lines) != most || l.untold[submitted]+l.untold[started]+l.untold[cancelled] != 2*most {
		t.Errorf("%d lines wait, and %v are counted", len(l.lines), l.untold)
	}
}

// What an earlier daemon has left, further attempts, and ends that are not recorded are not told of as what they are not.
func TestNotSubmitted(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	l := New(zap.New(core), config.LogAllWorkloads)
	h := l.Hooks()
	h.OnQueued(hooks.Event{ID: "left"})
	l.TakeSubmissions()
	h.OnQueued(hooks.Event{ID: "again", Attempt: 1})
	h.OnCommitted(hooks.Event{ID: "lost"}, hooks.Outcome{State: api.Failed, Err: context.Canceled})
	h.OnCommitted(hooks.Event{ID: "again", Attempt: 1}, hooks.Outcome{State: api.Pending})
	l.write()
	if got := texts(logs.All()); !slices.Equal(got, []string{"workload put back"}) {
		t.Errorf("told of %q", got)
	}
}
