package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// mutualWait is a guest that reads from its first descriptor after the standard streams, which is a connection, or from the
// second, which it accepts if the first is a listener.
func mutualWait(t *testing.T, accepts bool) string {
	t.Helper()
	var p testkit.Program
	const wasi = "wasi_snapshot_preview1"
	flags := p.Import(wasi, "fd_fdstat_set_flags", "ii", true)
	accept := p.Import(wasi, "sock_accept", "iii", true)
	read := p.Import(wasi, "fd_read", "iiii", true)
	fd := int64(3)
	if accepts {
		p.Call(flags, fd, 0) // listeners do not wait otherwise
		p.Call(accept, fd, 0, 64)
		fd++
	}
	p.Store(0, "\x80\x00\x00\x00\x01\x00\x00\x00") // a buffer of one byte at 128
	p.Call(read, fd, 0, 1, 64)
	file := filepath.Join(t.TempDir(), "wait.wasm")
	if err := os.WriteFile(file, p.Bytes(""), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestStuck: two guests that each wait for what the other never writes are stuck, and so is one that waits for itself. One
// that waits for a guest that sleeps is not.
func TestStuck(t *testing.T) {
	c := newCtl(t, tool(t))
	accepts, connects := mutualWait(t, true), mutualWait(t, false)
	c.must(t, "submit", "-q", "--id", "server", "--listen", "workload", accepts)
	c.must(t, "submit", "-q", "--id", "client", "--connect", "workload:server", connects)
	for id, other := range map[string]string{"server": "client", "client": "server"} {
		want := "it waits in fd_read for workload " + other + ", which can't go on either"
		until(t, id+" is stuck", func() bool { return c.daemon.Status(t, id).GetStuck() == want })
		if status := c.must(t, "status", id); !strings.Contains(strings.Join(strings.Fields(status), " "), want) {
			t.Errorf("its status does not say that:\n%s", status)
		}
	}
	if ops := c.must(t, "ops", "server"); !strings.Contains(ops, "workload client") {
		t.Errorf("what it waits for: %s", ops)
	}
	for _, id := range []string{"server", "client"} {
		if peak := c.daemon.Status(t, id).GetUsage().GetPeakMemoryBytes(); peak != 128<<10 {
			t.Errorf("%s has held %d bytes, want a page and the connection", id, peak)
		}
	}
	if _, errs, status := c.run(t, "", "run", "--memory", "100K", "--connect", "workload:server", connects); status == 0 || !strings.Contains(errs, "memory") {
		t.Errorf("without memory for a connection: status %d, %s", status, errs)
	}
	c.must(t, "submit", "-q", "--id", "sleeper", "--listen", "workload", toolFile(t), "sleep", "1h")
	c.must(t, "submit", "-q", "--id", "waiter", "--connect", "workload:sleeper", connects)
	until(t, "the waiter reads", func() bool {
		ops := c.daemon.Status(t, "waiter").GetWaitingFor()
		return len(ops) == 1 && ops[0].GetTarget() == "workload sleeper" && ops[0].GetKind() == reading
	})
	if totals, _, _ := c.run(t, "", "ops", "--summary"); !strings.Contains(totals, "2 workloads are stuck") {
		t.Errorf("the summary: %s", totals)
	}
	if text := c.daemon.Status(t, "waiter").GetStuck(); text != "" {
		t.Errorf("the waiter: %s", text)
	}
	c.must(t, "cancel", "client") // frees the other
	if w := c.daemon.WaitFor(t, "server"); w.GetState() != succeeded {
		t.Errorf("%v", w)
	}
	c.must(t, "cancel", "sleeper")
	if w := c.daemon.WaitFor(t, "waiter"); w.GetState() != succeeded {
		t.Errorf("%v", w)
	}
}
