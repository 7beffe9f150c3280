package attempt

import (
	"fmt"
	"io"
	"testing"

	"github.com/reactord/reactord/hostcalls"
)

// TestFailuresAreBounded: however often a guest tries what it does not get, and however much that is, few of the failures are
// told, and all are counted.
func TestFailuresAreBounded(t *testing.T) {
	var f failures
	told := map[string]uint64{}
	lines := 0
	for i := range 100_000 {
		target := "10.0.0.7:5432"
		if i%2 == 0 {
			target = fmt.Sprint("host", i, ":1")
		}
		f.count(hostcalls.OpConnect, target, io.EOF, func(n NetworkFailure) {
			told[n.Target] = n.Times
			lines++
		})
	}
	if lines > 30 || len(f.counts) != maxFailures+1 {
		t.Errorf("%d lines, and %d targets are kept", lines, len(f.counts))
	}
	if told["10.0.0.7:5432"] != 10_000 || told[""] != 10_000 || told["host0:1"] != 1 {
		t.Errorf("told of %v", told)
	}
	f.count(hostcalls.OpResolve, "10.0.0.7:5432", io.EOF, func(n NetworkFailure) { t.Errorf("told of one more target: %+v", n) })
	if n := f.counts[failure{}]; n != 50_000-maxFailures+2 {
		t.Errorf("%d failures are counted together", n)
	}
	f.end()
	f.count(hostcalls.OpConnect, "10.0.0.8:5432", io.EOF, func(n NetworkFailure) { t.Errorf("told after the end: %+v", n) })
}
