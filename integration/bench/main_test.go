// Package bench holds the figures that reactord is known by. docs/benchmarks.md has the commands
// and the results.
//
// What a user sees is measured from outside: a daemon in a process of its own, driven through the
// API. The benchmarks that go inside (resume, start, metering) say so.
package bench

import (
	"os"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) {
	if os.Getenv(echoVariable) != "" {
		os.Exit(serveEcho())
	}
	if command := os.Getenv(nativeVariable); command != "" {
		os.Exit(runNative(command))
	}
	os.Exit(testkit.Main(m))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
