package service

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/lease"
)

// providePipes starts the workload that piping.wasm calls.
func (n *neighbours) providePipes(serve abi.Service, memory int64) *workload {
	n.Helper()
	serve.Offer = true
	w := n.run(n.of, n.load("pipes"), &abi.Config{Serve: &serve, MemoryBytes: memory})
	n.offered(n.of)
	return w
}

func newPipes(t *testing.T) *neighbours {
	t.Helper()
	n := newNeighbours(t)
	n.of, n.imports = "pipes", "example:pipes/pipes"
	return n
}

// Streams and futures go to the other workload and back, and nothing is left of them.
func TestLinkedStreams(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{Instances: 1, Timeout: time.Second}, 0)
	p := n.load("piping")
	for _, tt := range []struct {
		export string
		arg    uint64 // with a number above it, there is none
		want   uint64
	}{
		{"pour", 0, 0}, {"pour", 1, 1}, {"pour", 65536, 65536}, {"pour", 10_000_000, 10_000_000},
		{"round", 0, 0}, {"round", 1000, 1000}, {"round", 1_000_000, 1_000_000},
		{"backs", 0, 0}, {"backs", 1000, 1000}, {"backs", 1_000_000, 1_000_000},
		{"fills", 0, 0}, {"fills", 1000, 1000}, {"fills", 5_000_000, 5_000_000},
		{"next", 7, 8}, {"many", 1000, 1_000_000}, {"crowd", 1024, 1024},
		{"keeps", 1000, 1000}, {"ticks", 1000, 1000},
		{"sips", none, 100}, {"leaves", none, 0}, {"cancels", none, 4},
	} {
		w := n.beginWith(p, tt.export, tt.arg)
		n.end(w)
		if w.err != nil || w.exit.Result == nil || w.exit.Result.Bits != tt.want {
			t.Errorf("%s(%d): %v, %v, want %d", tt.export, tt.arg, w.exit.Result, w.err, tt.want)
		}
	}
	n.idle(provider)
}

// One call gives a bounded number of streams away, so that it can't fill the other workload's table.
func TestLinkedStreamsAreBounded(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{}, 0)
	w := n.beginWith(n.load("piping"), "crowd", 1025)
	const want = "example:pipes/pipes@1.0.0#all: more than 1024 streams and futures of a call are open to workload pipes"
	if n.end(w); !strings.Contains(fmt.Sprint(w.err), want) {
		t.Errorf("it ends with %v", w.err)
	}
	n.idle(provider)
}

// A caller traps when the other workload fails while it has a stream of it open, and is told why. The other one goes on.
func TestLinkedStreamTrap(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{}, 0)
	p := n.load("piping")
	n.end(n.beginWith(p, "pour", 1000))
	for range 10 {
		w := n.beginWith(p, "crashes", none)
		n.end(w)
		const want = "workload pipes, which is at the other end of a stream<u8> of example:pipes/pipes@1.0.0#crash: the instance that had the call has ended: "
		if trap, ok := errors.AsType[*engine.Trap](w.err); !ok || !strings.Contains(trap.Message, want) || !strings.Contains(trap.Message, "unreachable") {
			t.Errorf("it ends with %v, %v", w.exit.Result, w.err)
		}
	}
	w := n.beginWith(p, "pour", 1000)
	if n.end(w); w.err != nil {
		t.Error(w.err)
	}
	n.idle(provider)
}

// What waits at a stream is shown with whom it waits for. When the caller ends the other workload goes on, and when that ends the caller
// traps.
func TestLinkedStreamEnds(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{Instances: 1, Timeout: time.Second}, 0)
	p := n.load("piping")
	for _, tt := range []struct {
		export string
		arg    uint64
		kind   hostcalls.OpKind
	}{{"hears", none, hostcalls.OpRead}, {"keeps", 1_000_000, hostcalls.OpWrite}, {"owes", none, hostcalls.OpRead}} {
		begin := func() *workload {
			w := n.beginWith(p, tt.export, tt.arg)
			n.until(tt.export+" waits for the other workload", func() bool {
				ops := w.AppendOps(nil)
				return len(ops) == 1 && ops[0].Kind == tt.kind && ops[0].Peer() == "pipes" && strings.HasPrefix(ops[0].Target, "workload pipes example:pipes/pipes@1.0.0#")
			})
			return w
		}
		w := begin()
		n.until("the other workload has the call", func() bool { return provider.Process.(abi.Server).Counts().Active == 1 })
		w.task.Cancel(errCancelled)
		if n.end(w); !errors.Is(w.err, errCancelled) {
			t.Errorf("%s: %v", tt.export, w.err)
		}
		n.idle(provider)
		w = begin()
		n.end(w)
		if want := errIdle.Error(); !strings.Contains(fmt.Sprint(w.err), want) {
			t.Errorf("%s ends with %v", tt.export, w.err)
		}
		n.idle(provider)
	}
}

// A caller traps when the other workload ends, with which it has a stream open.
func TestLinkedStreamOfEnding(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{}, 0)
	w := n.beginWith(n.load("piping"), "hears", none)
	n.until("it waits", func() bool {
		ops := w.AppendOps(nil)
		return len(ops) == 1 && ops[0].Kind == hostcalls.OpRead
	})
	provider.task.Cancel(errCancelled)
	n.end(provider)
	n.end(w)
	if want := errEnding.Error(); !strings.Contains(fmt.Sprint(w.err), want) {
		t.Errorf("it ends with %v", w.err)
	}
}

// A caller that waits at a stream ends when what was granted is revoked, and the other workload goes on.
func TestLinkedStreamRevoked(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{}, 0)
	p := n.load("piping")
	for _, export := range []string{"hears", "keeps"} {
		by := lease.New("--link example:pipes/pipes=workload:pipes")
		call := &abi.FunctionCall{Export: export}
		if export == "keeps" {
			call = calling(export, 1_000_000)
		}
		w := n.run("piping", p, &abi.Config{Call: call, Leases: []*lease.Lease{by}})
		n.until("it waits", func() bool {
			ops := w.AppendOps(nil)
			return len(ops) == 1 && (ops[0].Kind == hostcalls.OpRead || ops[0].Kind == hostcalls.OpWrite)
		})
		by.Revoke()
		if n.end(w); !strings.Contains(fmt.Sprint(w.err), "the grant was revoked: --link example:pipes/pipes=workload:pipes") {
			t.Errorf("%s ends with %v", export, w.err)
		}
		n.idle(provider)
	}
	w := n.beginWith(p, "pour", 1000)
	if n.end(w); w.err != nil {
		t.Error(w.err)
	}
}

// Many callers, of which some are ended at any time, leave nothing behind, whatever their streams do.
func TestLinkedStreamsEndedAtRandom(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{Timeout: 500 * time.Millisecond}, 0)
	p := n.load("piping")
	exports := []struct {
		name string
		arg  uint64
	}{
		{"pour", 300_000}, {"round", 20_000}, {"backs", 20_000}, {"fills", 300_000}, {"sips", none}, {"keeps", 100_000}, {"leaves", none},
		{"hears", none}, {"owes", none}, {"next", 1}, {"cancels", none}, {"many", 20}, {"crashes", none}, {"ticks", 100_000},
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var all []*workload
		for range 16 {
			e := exports[rnd.IntN(len(exports))]
			w := n.beginWith(p, e.name, e.arg)
			all = append(all, w)
			time.AfterFunc(time.Duration(rnd.IntN(20))*time.Millisecond, func() { w.task.Cancel(errCancelled) })
		}
		for _, w := range all {
			n.end(w)
		}
	}
	n.idle(provider)
	provider.task.Cancel(errCancelled)
	n.end(provider)
	n.until("no memory is counted", func() bool { return n.engine.MemoryUsed()-n.engine.MemoryFreeing() == 0 })
}
