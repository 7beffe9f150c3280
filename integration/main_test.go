// Package integration tests the built binaries from the outside: over the API, by signals, by what
// they print.
package integration

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// The states, by shorter names.
const (
	pending   = reactorv1.WorkloadState_WORKLOAD_STATE_PENDING
	running   = reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING
	waiting   = reactorv1.WorkloadState_WORKLOAD_STATE_WAITING
	succeeded = reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED
	failed    = reactorv1.WorkloadState_WORKLOAD_STATE_FAILED
	cancelled = reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED
)

// toolBinary is testdata/guests/tool, built the first time it is asked for.
var toolBinary struct {
	sync.Once
	bytes []byte
}

func tool(t *testing.T) []byte {
	t.Helper()
	toolBinary.Do(func() { toolBinary.bytes = testkit.GoGuest(t, "testdata/guests/tool") })
	if toolBinary.bytes == nil {
		t.Fatal("the tool could not be built")
	}
	return toolBinary.bytes
}

// toolFile is the tool in a file of the test's own.
func toolFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tool.wasm")
	if err := os.WriteFile(file, tool(t), 0o600); err != nil {
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
