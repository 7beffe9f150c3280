package attack

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// costlyStarts are modules that have much to do before their first instruction.
func costlyStarts(dataBytes, elements int) map[string]*wasm.Module {
	zero := wasm.Expr{Code: []byte{0x41, 0, 0x0b}}
	data, active, passive, globals, spins := calling(), calling(), calling(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 0), calling(), calling()
	data.Memories = []wasm.MemoryType{{Size: wasm.Bounds{Min: uint32(dataBytes>>16) + 1}}}
	data.Data = []wasm.DataSegment{{Offset: zero, Bytes: slices.Repeat([]byte{1}, dataBytes)}}
	active.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: uint32(elements)}}}
	active.Elements = []wasm.Element{{Offset: zero, Funcs: make([]uint32, elements)}}
	passive.Tables = active.Tables
	passive.Elements = []wasm.Element{{Mode: wasm.Passive, Funcs: make([]uint32, elements)}}
	for range 90_000 {
		globals.Globals = append(globals.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: zero})
	}
	spins.Start = new(uint32)
	*spins.Start = 1
	spins.Bodies[1].Code = []byte{0x03, 0x40, 0x0c, 0, 0x0b, 0x0b}
	return map[string]*wasm.Module{
		"data": data, "active elements": active, "passive elements": passive, "globals": globals, "start function": spins,
	}
}

// TestStartsBurnFuel: a fuel limit ends a guest whatever it is that its start takes long for. Meanwhile it gives its worker up,
// or does not have one.
func TestStartsBurnFuel(t *testing.T) {
	const fuel, quantum = 5_000_000, 500_000
	d := testkit.Start(t, t.TempDir())
	for name, module := range costlyStarts(8*mib, 300_000) {
		t.Run(name, func(t *testing.T) {
			spec := &reactorv1.WorkloadSpec{
				Module: d.Push(t, module.Encode()),
				Limits: &reactorv1.Limits{Fuel: fuel, MemoryBytes: 1 << 30},
			}
			before := d.Stats(t).GetResumes()
			s := d.Run(t, spec)
			if s.GetReason() != reactorv1.EndReason_END_REASON_OUT_OF_FUEL {
				t.Fatalf("the guest ended with %v", s)
			}
			onWorker := name != "globals"
			if turns := d.Stats(t).GetResumes() - before; onWorker && turns < fuel/quantum/3 {
				t.Errorf("it burnt %d units in %d turns", s.GetUsage().GetFuel(), turns)
			}
		})
	}
}

// TestStartIsCancelled: who waits for an instance to be made tells so, and goes when it is cancelled; the instance goes later.
func TestStartIsCancelled(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	spec := &reactorv1.WorkloadSpec{
		Module: d.Push(t, costlyStarts(0, 0)["globals"].Encode()),
		Limits: &reactorv1.Limits{MemoryBytes: 1 << 30},
	}
	cancelled := false
	for deadline := time.Now().Add(testkit.Patience); !cancelled; { // it may be over before it is looked at, or cancelled
		if time.Now().After(deadline) {
			t.Fatal("nothing was seen of it")
		}
		id := d.Submit(t, spec)
		s := d.Status(t, id)
		for ; s.GetReason() == reactorv1.EndReason_END_REASON_UNSPECIFIED; s = d.Status(t, id) {
			if waits := s.GetWaitingFor(); len(waits) == 0 || waits[0].GetKind() != reactorv1.OpKind_OP_KIND_INSTANTIATE {
				continue
			}
			answer, err := d.Workloads.CancelWorkloads(t.Context(), &reactorv1.CancelWorkloadsRequest{Ids: []string{id}})
			if err != nil {
				t.Fatal(err)
			}
			cancelled = answer.GetResults()[0].GetCancelled()
			if s := d.WaitFor(t, id); cancelled != (s.GetState() == reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED) {
				t.Errorf("cancelled: %t, and it ended as %v", cancelled, s)
			}
			break
		}
	}
	for deadline := time.Now().Add(testkit.Patience); d.Stats(t).GetGuestMemoryBytes() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are still held", d.Stats(t).GetGuestMemoryBytes())
		}
	}
}

// TestSleepersBesideStarts: beside four guests at a time that take long to start, sleepers wake up in time.
func TestSleepersBesideStarts(t *testing.T) {
	long(t)
	for name, module := range costlyStarts(200*mib, 1_000_000) {
		t.Run(name, func(t *testing.T) {
			d := testkit.Start(t, t.TempDir(), "--max-module-size=256MiB")
			sleeper := d.Push(t, examples.Sleeper)
			spec := &reactorv1.WorkloadSpec{
				Module: d.Push(t, module.Encode()),
				Limits: &reactorv1.Limits{MemoryBytes: 512 << 20, Timeout: durationpb.New(5 * time.Second)},
			}
			ctx, stop := context.WithCancel(t.Context())
			var starters sync.WaitGroup
			for range 4 {
				starters.Go(func() {
					for ctx.Err() == nil {
						d.Run(t, spec)
					}
				})
			}
			for _, id := range d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: sleeper, Args: []string{"600", "5"}}, 10) {
				d.WaitFor(t, id)
			}
			stop()
			s := d.Stats(t)
			starters.Wait()
			p99, most := s.GetWakeLatenessP99().AsDuration(), s.GetWakeLatenessMax().AsDuration()
			t.Logf("beside %s: late p99 %v, max %v", name, p99, most)
			if p99 > 2*time.Millisecond {
				t.Errorf("sleepers are late: p99 %v", p99)
			}
		})
	}
}
