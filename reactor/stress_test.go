package reactor

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
)

// TestChaos submits guests that end in all ways while others cancel, watch, list and read, at
// random. Everything ends, each workload is told of once, and the figures add up.
func TestChaos(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 50; c.LogMemoryBytes = 1 << 20 })
	push(t, r, "hello", "fail", "trap", "nap", "sleep", "spin", "flood")
	modules := []string{"hello", "fail", "trap", "nap", "sleep", "spin", "flood"}
	const count, clients = 200, 4
	ended := map[string]api.State{}
	var all, watching sync.WaitGroup
	watching.Go(func() {
		follow(t, r, api.Filter{States: []api.State{api.Succeeded, api.Failed, api.Cancelled}}, "0", func(e api.WatchEvent) bool {
			if e.Workload != nil {
				if _, twice := ended[e.Workload.ID]; twice {
					t.Errorf("%s ended twice", e.Workload.ID)
				}
				ended[e.Workload.ID] = e.Workload.Status.State
			}
			return len(ended) == count*clients
		})
	})
	for c := range clients {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for i := range count {
				module := modules[rng.IntN(len(modules))]
				id := fmt.Sprintf("%d-%d", c, i)
				limits := api.Limits{Timeout: time.Duration(1+rng.IntN(100)) * time.Millisecond}
				if _, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: id, Spec: api.Spec{Module: module, Limits: limits}}); err != nil {
					t.Error(err)
					return
				}
				other := fmt.Sprintf("%d-%d", rng.IntN(clients), rng.IntN(i+1))
				switch rng.IntN(8) {
				case 0:
					r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{id, other}})
				case 1:
					r.GetWorkload(deadline(t), other)
				case 2:
					r.ListWorkloads(deadline(t), api.Filter{States: []api.State{api.Running}}, api.Page{Size: 10})
				case 3:
					r.ListOps(deadline(t), api.OpFilter{}, api.Page{Size: 10})
				case 4:
					r.ReadLogs(deadline(t), api.LogRequest{ID: other}, func(api.LogChunk) error { return nil })
				}
			}
		})
	}
	all.Wait()
	watching.Wait()
	for id, state := range ended {
		if w := wait(t, r, id); w.Status.State != state {
			t.Errorf("%s is %v, the watch said %v", id, w.Status.State, state)
		}
	}
	s := r.Stats()
	if got := s.Succeeded + s.Failed + s.Cancelled; got != count*clients || s.Submitted != count*clients {
		t.Errorf("%d ends of %d workloads", got, s.Submitted)
	}
	// What they held is given up when their ends have been told.
	awaitStats(t, r, "nothing is left", func(s api.Stats) bool { return s.Pending+s.Running+s.Waiting+s.GuestMemoryBytes == 0 })
	await(t, "no output is left in memory", func() bool { return r.spool.Used() == 0 })
}

// TestManyModules runs more modules than are loaded at a time, with room for one that is idle.
func TestManyModules(t *testing.T) {
	r := open(t, func(c *Config) { c.IdleModules = 1 })
	hello := guest(t, "hello")
	const count = maxLoading + 20
	for i := range count {
		custom := binary.LittleEndian.AppendUint32([]byte{0, 6, 1, 'n'}, uint32(i))
		if _, _, err := pushBytes(t, r, append(hello[:len(hello):len(hello)], custom...), fmt.Sprint("m", i)); err != nil {
			t.Fatal(err)
		}
	}
	var reqs []api.SubmitRequest
	for i := range 3 * count {
		reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint(i), Spec: api.Spec{Module: fmt.Sprint("m", i%count)}})
	}
	if _, err := r.SubmitWorkloads(deadline(t), reqs); err != nil {
		t.Fatal(err)
	}
	for i := range reqs {
		if i%5 == 0 {
			if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{fmt.Sprint(i)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, req := range reqs {
		if w := wait(t, r, req.ID); w.Status.State == api.Failed {
			t.Errorf("%s: %+v", w.ID, w.Status)
		}
	}
	// What ends is told before its module is given up.
	awaitStats(t, r, "two modules at most are in memory when nothing runs", func(s api.Stats) bool { return s.CompiledModules <= 2 })
}

// TestLargeSpec submits specs that are not kept in memory: they come back whole to the guest, to a
// watch and to the next reactor.
func TestLargeSpec(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "cat")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	text := strings.Repeat("0123456789", 10_000)
	spec := api.Spec{Module: "cat", Stdin: []byte(text), Args: []string{text}}
	var watching sync.WaitGroup
	started := make(chan struct{})
	watching.Go(func() {
		follow(t, r, api.Filter{}, "", func(e api.WatchEvent) bool {
			if e.Workload == nil {
				close(started)
				return false
			}
			if string(e.Workload.Spec.Stdin) != text && e.Workload.ID == "large" {
				t.Errorf("the watch has a stdin of %d bytes", len(e.Workload.Spec.Stdin))
			}
			return e.Workload.ID == "large"
		})
	})
	<-started
	submit(t, r, "large", spec)
	watching.Wait()
	shutdown(t, r)
	r = openIn(t, dir)
	if w := wait(t, r, "large"); w.Status.State != api.Succeeded || w.Spec.Args[0] != text {
		t.Errorf("%+v", w.Status)
	}
	if got, _ := readLog(t, r, api.LogRequest{ID: "large"}); got != text {
		t.Errorf("%d bytes came through the guest", len(got))
	}
}
