package component

import (
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// benchmark calls body with a store of a component, on its fiber.
func benchmark(b *testing.B, component string, body func(s *Store)) {
	n := newNode(b, Config{})
	n.inStore(n.load(component), func(s *Store) {
		b.ReportAllocs()
		body(s)
	})
}

// BenchmarkScalars: a call of an export from the host with two numbers, as values.
func BenchmarkScalars(b *testing.B) {
	benchmark(b, "adding", func(s *Store) { benchmarkCall(b, s, "add-twice", u32s(3, 4)) })
}

func benchmarkCall(b *testing.B, s *Store, export string, args []value.Value) {
	for b.Loop() {
		if _, err := s.CallExport(export, args); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdd is a call of an export of one component from C, with two numbers.
func BenchmarkAdd(b *testing.B) {
	benchmark(b, "calc", func(s *Store) { benchmarkCall(b, s, "add", u32s(3, 4)) })
}

// BenchmarkString: a string in and out, from C.
func BenchmarkString(b *testing.B) {
	args := []value.Value{{Bytes: []byte("Hello, this is Ada!")}}
	benchmark(b, "calc", func(s *Store) { benchmarkCall(b, s, "example:calc/echo@0.1.0#echo-string", args) })
}

// BenchmarkBytes: a list of a MiB in and out.
func BenchmarkBytes(b *testing.B) {
	args := []value.Value{{Bytes: make([]byte, 1<<20)}}
	benchmark(b, "calc", func(s *Store) {
		b.SetBytes(2 << 20)
		benchmarkCall(b, s, "example:calc/echo@0.1.0#echo-bytes", args)
	})
}

// BenchmarkBetweenComponents: one component calls another one, with two numbers.
func BenchmarkBetweenComponents(b *testing.B) {
	const calls = 1000
	benchmark(b, "adding", func(s *Store) {
		n := 0
		for b.Loop() {
			if n++; n%calls == 0 {
				if _, err := s.CallExport("add-times", u32s(calls)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkStart: a process of a loaded component, to the end of its one call.
func BenchmarkStart(b *testing.B) {
	for _, component := range []string{"adding", "calc", "composed"} {
		b.Run(component, func(b *testing.B) {
			n := newNode(b, Config{})
			p := n.load(component)
			b.ReportAllocs()
			n.onFiber(executor.TaskSpec{}, func(f *executor.Fiber) {
				for b.Loop() {
					s, err := p.NewStore(&abi.Config{Driver: n.executor.Driver()})
					if err != nil {
						b.Fatal(err)
					}
					if err := s.Start(f); err != nil {
						b.Fatal(err)
					}
					s.Close()
				}
			})
		})
	}
}
