package integration

import (
	"net"
	"strings"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// A name that leads to several daemons stands for one of them that is there, for all calls of a command.
func TestCtlSeveralDaemons(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	c := newCtlOf(t, d)
	_, port, err := net.SplitHostPort(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	file := guestFile(t, "sleeper.wasm", examples.Sleeper)
	address := "dns:///localhost:" + port // and ::1, where nobody listens
	if out := c.must(t, "--addr", address, "run", file, "1", "1"); !strings.Contains(out, "slept well") {
		t.Errorf("it printed %q", out)
	}
	c.must(t, "context", "set", "cluster", address)
	c.must(t, "--context", "cluster", "list")
	if _, errs, status := c.run(t, "", "--addr", "dns:///localhost", "list"); status != 125 || !strings.Contains(errs, "give HOST:PORT") {
		t.Errorf("without a port: status %d, %q", status, errs)
	}
}
