package bench

import (
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// instancesProfile names a file for a heap profile of what BenchmarkWaitingInstances has made.
const instancesProfile = "REACTORD_INSTANCES_PROFILE"

// BenchmarkWaitingInstances measures, inside the library, what a component takes that waits, apart from its memory:
//
//	heap-B/instance   objects
//	stack-B/instance  stacks of goroutines
func BenchmarkWaitingInstances(b *testing.B) {
	hour := []value.Literal{{Form: value.UintForm, Bits: 1}, {Form: value.UintForm, Bits: 3_600_000}}
	b.Run("guest=async", func(b *testing.B) {
		benchmarkInstances(b, "../../examples/component-sleeper/sleeper.wasm", func(config *abi.Config) {
			config.Call = &abi.FunctionCall{Export: "example:sleeper/sleeping#sleep", Args: hour}
		})
	})
	for guest, path := range map[string]string{"c": testComponent("worker"), "rust": "testdata/rust-worker.wasm"} { // as the usual tools make them
		b.Run("guest="+guest, func(b *testing.B) {
			benchmarkInstances(b, path, func(config *abi.Config) {
				config.Call = &abi.FunctionCall{Export: "example:tasks/tasks@0.1.0#sleep", Args: hour[1:]}
			})
		})
	}
	b.Run("guest=component", func(b *testing.B) {
		benchmarkInstances(b, testComponent("sleeper"), func(config *abi.Config) { config.Args = []string{"sleeper", "1", "3600000"} })
	})
}

func benchmarkInstances(b *testing.B, path string, call func(*abi.Config)) {
	const instances = 10_000
	n := newComponentNode(b)
	program := n.load(b, path)
	for b.Loop() {
		before := memoryInUse()
		tasks := make([]*executor.Task, instances)
		ended := make(chan struct{}, instances)
		var failed atomic.Pointer[error]
		for i := range tasks {
			config := &abi.Config{Driver: n.executor.Driver(), MemoryBytes: 32 << 20}
			call(config)
			process, err := program.NewProcess(config)
			if err != nil {
				b.Fatal(err)
			}
			tasks[i], err = n.executor.Spawn(executor.TaskSpec{
				Turn: abi.Turns(process, func(_ abi.Exit, failure error) { failed.CompareAndSwap(nil, &failure) }), Done: func(*executor.Task) { ended <- struct{}{} },
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		for _, t := range tasks {
			for t.ParkedSince().IsZero() {
				if err := failed.Load(); err != nil {
					b.Fatal(*err)
				}
				time.Sleep(time.Millisecond)
			}
		}
		after := memoryInUse()
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/instances, "heap-B/instance")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/instances, "stack-B/instance")
		writeHeapProfile(b)
		for _, t := range tasks {
			t.Cancel(nil)
		}
		for range tasks {
			<-ended
		}
	}
}

// memoryInUse returns what is in use when what is not was collected.
func memoryInUse() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

func writeHeapProfile(b *testing.B) {
	b.Helper()
	path := os.Getenv(instancesProfile)
	if path == "" {
		return
	}
	f, err := os.Create(path)
	if err == nil {
		err = pprof.WriteHeapProfile(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
}
