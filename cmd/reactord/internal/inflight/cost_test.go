package inflight

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// decodedBytes covers what decoding really takes, with the slack of slices and maps that grow.
func TestDecodedBytesCoverMemory(t *testing.T) {
	const n = 5000
	empties := &reactorv1.SubmitWorkloadsRequest{}
	specs := &reactorv1.SubmitWorkloadsRequest{}
	args := &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Env: make(map[string]string)}}
	states := &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{}}
	for i := range n {
		empties.Requests = append(empties.Requests, &reactorv1.SubmitWorkloadRequest{})
		specs.Requests = append(specs.Requests, &reactorv1.SubmitWorkloadRequest{
			Spec: &reactorv1.WorkloadSpec{Limits: &reactorv1.Limits{}, Grants: []*reactorv1.Grant{{}, {}}},
		})
		args.Spec.Args = append(args.Spec.Args, "")
		args.Spec.Env[fmt.Sprint(i)] = ""
		states.Filter.States = append(states.Filter.States, reactorv1.WorkloadState(i%3))
	}
	input := &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Stdin: []byte(strings.Repeat("x", 4<<20))}}
	for _, m := range []proto.Message{empties, specs, args, states, input} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		estimate := decodedBytes(b, m.ProtoReflect().Descriptor(), 1<<40)
		target := m.ProtoReflect().New().Interface()
		before := heapBytes()
		if err := proto.Unmarshal(b, target); err != nil {
			t.Fatal(err)
		}
		live := heapBytes() - before
		runtime.KeepAlive([]any{m, b, target})
		if live > estimate+64<<10 || estimate > 20*live+64<<10 {
			t.Errorf("%T of %d bytes takes %d, and %d were expected", m, len(b), live, estimate)
		}
	}
}

// heapBytes is what is in use of the heap.
func heapBytes() int64 {
	for range 3 { // what pools and finalizers hold goes with the later ones
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func FuzzDecodedBytes(f *testing.F) {
	b, err := proto.Marshal(&reactorv1.SubmitWorkloadsRequest{Requests: []*reactorv1.SubmitWorkloadRequest{{Id: "a", Spec: &reactorv1.WorkloadSpec{Args: []string{"b"}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		desc := (&reactorv1.SubmitWorkloadsRequest{}).ProtoReflect().Descriptor()
		if n := decodedBytes(b, desc, 1<<40); n < messageBytes || n > messageBytes*int64(len(b)+1) {
			t.Errorf("%d bytes are said to take up %d", len(b), n)
		}
	})
}
