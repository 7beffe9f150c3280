package wasip2

import (
	"strings"
	"testing"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// What a call does beyond a fixed amount is charged: bytes, strings, pollables.
func TestHostWorkIsCharged(t *testing.T) {
	env := make([]string, 4096)
	for i := range env {
		env[i] = "A=b"
	}
	config := abi.Config{Stdout: into{new(strings.Builder)}, Env: env, PendingOps: 4096}
	if err := withGuest(t, config, func(g *guest) {
		spent := func(body func()) int64 {
			g.t.Helper()
			if err := g.store.Preempt(); err != nil { // so that a new quantum begins
				t.Fatal(err)
			}
			before, burnt := g.store.Fiber().Spent(), g.store.Burnt()
			body()
			return int64(g.store.Fiber().Spent()-before) + g.store.Burnt() - burnt
		}
		out := g.own("wasi:cli/stdout#get-stdout")
		timer := g.timer(0)
		text := strings.Repeat("x", wasi.MaxPiece)
		for name, c := range map[string]struct {
			least int64
			body  func()
		}{
			"random bytes": {1 << 20 * wasi.RandomCost, func() {
				g.call("wasi:random/random#get-random-bytes", func(w *cabi.Writer) { w.U64(1 << 20) }, nil)
			}},
			"variables": {4096 * wasi.StringCost, func() { g.call("wasi:cli/environment#get-environment", nil, nil) }},
			"pollables": {4096 * (pollCost + recheckCost), func() {
				list := make([]uint32, 4096)
				for i := range list {
					list[i] = timer
				}
				g.poll(list...)
			}},
			"a write": {wasi.StreamCost + wasi.CopyCost(wasi.MaxPiece), func() {
				g.checkWrite(out)
				g.write("write", out, text)
			}},
			"zeroes": {wasi.StreamCost + wasi.CopyCost(wasi.MaxPiece), func() {
				g.checkWrite(out)
				g.call("wasi:io/streams#[method]output-stream.write-zeroes", func(w *cabi.Writer) { w.Borrow(out); w.U64(wasi.MaxPiece) }, nil)
			}},
			"a socket": {wasi.OpenCost, func() { g.mustCreate("tcp", wasi.IPv4) }},
		} {
			if got := spent(c.body); got < c.least {
				t.Errorf("%s: %d units of fuel, want %d at least", name, got, c.least)
			}
		}
	}); err != nil {
		t.Error(err)
	}
}
