package component

import (
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
)

// BenchmarkLinkedStream: a stream of bytes from a component to one of another store, 64 KiB at a time. Both have a worker each.
func BenchmarkLinkedStream(b *testing.B) {
	const chunk = 64 << 10
	b.SetBytes(chunk)
	p := &farProvider{}
	n := newLinkedNode(b, p)
	callee := n.serve(n.load("pipes"), abi.Config{}, executor.TaskSpec{})
	p.call = func(c link.Call, answer func(link.Answer)) func() {
		e := &Export{
			Caller: "near", Args: c.Args,
			Returned: func(results link.Parcel, held int64) {
				callee.Free(held)
				answer(link.Answer{Results: results})
			},
			Exited: func(error) {},
			Lost:   func(err error) error { return err },
		}
		callee.Do(func() error { return callee.StartExport(pipes+c.Function, e) })
		return func() {}
	}
	caller := n.serve(n.load("piping"), abi.Config{}, executor.TaskSpec{})
	stop := measured(b)
	for left := b.N; left > 0; {
		chunks := min(left, 32<<10) // so that the bytes are an u32
		if got, err := caller.call("pour", value.Uint(uint64(chunks)*chunk)); err != nil || got.Bits != uint64(chunks)*chunk {
			b.Fatal(got.Bits, err)
		}
		left -= chunks
	}
	stop()
	for _, v := range []*service{caller, callee} {
		v.do(v.Stop)
		<-v.ended
	}
}
