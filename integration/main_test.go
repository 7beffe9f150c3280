// Package integration tests the built binaries from the outside: over the API, by signals, by what
// they print.
package integration

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !given("test.parallel") { // the parallel tests wait most of the time, whatever the processors
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(testkit.Main(m))
}

func given(name string) (yes bool) {
	flag.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

// The states, by shorter names.
const (
	pending   = reactorv1.WorkloadState_WORKLOAD_STATE_PENDING
	running   = reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING
	waiting   = reactorv1.WorkloadState_WORKLOAD_STATE_WAITING
	succeeded = reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED
	failed    = reactorv1.WorkloadState_WORKLOAD_STATE_FAILED
	cancelled = reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED
)

// tool is the guest that does what its arguments say.
func tool(t *testing.T) []byte {
	t.Helper()
	return testkit.GoGuest(t, "testdata/guests/tool")
}

// sockets is the guest that uses sockets as its arguments say.
func sockets(t *testing.T) []byte {
	t.Helper()
	return testkit.GoGuest(t, "testdata/guests/sockets")
}

// serve is the guest that echoes what comes to its listener.
func serve(t *testing.T) []byte {
	t.Helper()
	return testkit.GoGuest(t, "testdata/guests/serve")
}

// example is the Go package of that name in examples.
func example(t *testing.T, name string) []byte {
	t.Helper()
	return testkit.GoGuest(t, "../examples/"+name)
}

// toolFile is the tool in a file of the test's own.
func toolFile(t *testing.T) string {
	t.Helper()
	return guestFile(t, "tool.wasm", tool(t))
}

// exampleFile is an example in a file of the test's own.
func exampleFile(t *testing.T, name string) string {
	t.Helper()
	return guestFile(t, name+".wasm", example(t, name))
}

// socketsFile is the guest sockets in a file of the test's own.
func socketsFile(t *testing.T) string {
	t.Helper()
	return guestFile(t, "sockets.wasm", sockets(t))
}

func guestFile(t *testing.T, name string, binary []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, binary, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// assembled is a binary of testdata/wat.
func assembled(t *testing.T, name string) []byte {
	t.Helper()
	binary, err := os.ReadFile(filepath.Join("testdata", "wat", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// sleeper pushes the example guest that sleeps, and returns the spec of one that sleeps for d.
func sleeper(t *testing.T, c testkit.Client, d time.Duration) *reactorv1.WorkloadSpec {
	t.Helper()
	return &reactorv1.WorkloadSpec{
		Module: c.Push(t, examples.Sleeper),
		Args:   []string{"1", strconv.FormatInt(d.Milliseconds(), 10)},
	}
}

// until asks again and again until met says yes; what it waits for is named in the failure.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for !met() {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}
