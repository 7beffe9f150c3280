package component

import (
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// watcher is told that a store stops.
type watcher chan struct{}

func (w watcher) Stopped() { w <- struct{}{} }

// Who watches a store is told once that it stops: when it waits, and also while it computes without an end.
func TestOnStop(t *testing.T) {
	for name, ops := range map[string][]any{
		"it waits":                  {op{opPoke, 0, 1}, op{opParkSync, 1, 7}, op{opEnd}},
		"it computes":               {op{opPoke, 0, 1}, op{opSet}, op{opJump, 0, 1, 1}},
		"it calls the host":         {op{opPoke, 0, 1}, op{opPoke, 0, 2}, op{opJump, 0, 1, 1}},
		"it yields by its callback": {op{opPoke, 0, 1}, op{opEnd, 0, yields}, op{opJump, 0, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
			told := make(watcher, 2)
			g.onPoke = func(n uint32) {
				if n == 1 {
					v.OnStop(told)
				}
			}
			go func() { _, _ = v.call("run", script(ops...)) }() // it ends with the store
			<-told
			v.task.Cancel(nil)
			<-v.ended
			if len(told) > 0 {
				t.Error("it was told twice")
			}
		})
	}
}
