package async

import (
	"bufio"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// specVariable names the folder that holds definitions.py: design/mvp/canonical-abi of WebAssembly/component-model.
const specVariable = "REACTORD_COMPONENT_SPEC"

var (
	duration = flag.Duration("duration", 10*time.Second, "how long TestOracle compares random traces with the specification")
	seed     = flag.Uint64("seed", 0, "the first trace that TestOracle compares; 0: some other one each time")
)

// oracle is the executable specification, in a process of its own.
type oracle struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startOracle(t *testing.T) *oracle {
	folder := os.Getenv(specVariable)
	if folder == "" {
		t.Skip(specVariable + " is not set")
	}
	cmd := exec.CommandContext(t.Context(), "python3", "testdata/oracle.py", folder)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &oracle{t, in, bufio.NewReader(out)}
}

// replay returns "ok", or what the specification does otherwise than the trace.
func (o *oracle) replay(trace []string) string {
	if _, err := io.WriteString(o.in, strings.Join(trace, "\n")+"\n\n"); err != nil {
		o.t.Fatal(err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestOracle compares the scenarios, and then random traces, with the executable specification.
func TestOracle(t *testing.T) {
	o := startOracle(t)
	for _, file := range scenarioFiles(t) {
		if _, trace := readScenario(t, file); o.replay(trace) != "ok" {
			t.Errorf("%s: %s", file, o.replay(trace))
		}
	}
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 16
	}
	n, lines := first, 0
	for begun := time.Now(); time.Since(begun) < *duration && !t.Failed(); n++ {
		w := randomWorld(n)
		w.host()
		lines += len(w.trace)
		if answer := o.replay(w.trace); answer != "ok" {
			failing(t, w)("seed %d: %s", n, answer)
		}
	}
	t.Logf("%d traces from seed %d, %d lines", n-first, first, lines)
}

// randomWorld makes a world whose script follows from a seed.
func randomWorld(n uint64) *world {
	return newWorld(3, newRandom(seeded{rand.New(rand.NewPCG(n, 0))}))
}
