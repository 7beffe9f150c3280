package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

const wasmtimeVariable = "REACTORD_WASMTIME_PYTHON"

var components = flag.Int("components", 100, "how many random components TestEchoes makes")

// Each random component has so many functions, and each of them gets so many calls.
const (
	functions = 8
	calls     = 5
)

// echoCall is a call of an echo.
type echoCall struct {
	echo
	export string
	args   []value.Value
	want   value.Value
}

// TestEchoes makes components of random functions that give back what they are given, and calls them with random values,
// directly and by way of another component.
// Wasmtime, if it is there, is given the same calls, so that what is wrong with a component is not taken for right.
func TestEchoes(t *testing.T) {
	node, oracle := newNode(t, component.Config{}), startWasmtime(t)
	for seed := range uint64(*components) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			components, all := randomEchoes(t, seed)
			for kind, b := range components {
				results, err := node.callEchoes(t.Context(), b, kind, all)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, kind+" here", all, results)
				if oracle != nil {
					compare(t, kind+" in Wasmtime", all, oracle.callEchoes(t, b, kind, all))
				}
			}
		})
	}
}

// compare compares the results of calls with those that are wanted.
func compare(t *testing.T, where string, all []echoCall, results []value.Value) {
	t.Helper()
	for i, c := range all {
		if !equal(c.result, results[i], c.want) {
			t.Errorf("%s: %s of %s gives %s", where, c.export, constantOf(c.result, c.want).Value, constantOf(c.result, results[i]).Value)
		}
	}
}

// A component of echoes exports them by themselves; relays of them are in an interface.
const (
	direct  = ""
	relayed = "relay#"
)

// randomEchoes makes a component and a relay of it, and calls of their functions.
func randomEchoes(t *testing.T, seed uint64) (components map[string][]byte, all []echoCall) {
	t.Helper()
	r := &random{Rand: rand.New(rand.NewPCG(seed, 0)), table: types.NewTable()}
	made, encodings := make([]echo, functions), make([]binary.CanonOptKind, functions)
	for i := range made {
		var err error
		if made[i], err = r.echo(); err != nil {
			t.Fatal(err)
		}
		encodings[i] = r.encoding()
		for range calls {
			args := r.values(made[i].params)
			want := value.Value{Items: args}
			if len(args) == 1 {
				want = args[0]
			}
			all = append(all, echoCall{made[i], fmt.Sprintf("f%d", i), args, want})
		}
	}
	return map[string][]byte{direct: echoes(made), relayed: relay(made, encodings)}, all
}

// callEchoes makes calls on one instance of a component, and returns their results.
func (n *node) callEchoes(ctx context.Context, b []byte, prefix string, all []echoCall) (results []value.Value, err error) {
	p, err := n.load(ctx, b)
	if err != nil {
		return nil, err
	}
	defer p.Release()
	g, err := n.newGuest(p, &abi.Config{})
	if err != nil {
		return nil, err
	}
	err = g.start()
	for i := 0; i < len(all) && err == nil; i++ {
		var got []value.Value
		if got, err = g.call(prefix+all[i].export, all[i].args); err == nil {
			results = append(results, got[0])
		}
	}
	return results, errors.Join(g.close(), err)
}

// wasmtime is a process that calls components in Wasmtime: testdata/oracle.py.
type wasmtime struct {
	in  *json.Encoder
	out *bufio.Reader
}

// startWasmtime starts it, or returns nil if it is not there.
func startWasmtime(t *testing.T) *wasmtime {
	t.Helper()
	python := os.Getenv(wasmtimeVariable)
	if python == "" {
		t.Logf("%s is not set: it names a Python that has the package wasmtime", wasmtimeVariable)
		return nil
	}
	cmd := exec.Command(python, "testdata/oracle.py") // ends with its input
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), drained(out), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	return &wasmtime{json.NewEncoder(in), bufio.NewReader(out)}
}

func drained(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// callEchoes makes calls on one instance of a component, and returns their results.
func (w *wasmtime) callEchoes(t *testing.T, b []byte, prefix string, all []echoCall) (results []value.Value) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "echoes.wasm")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		result, err := w.call(path, prefix, c)
		if err != nil {
			t.Fatalf("in Wasmtime: %s: %v", c.export, err)
		}
		results = append(results, result)
	}
	return results
}

// call calls an export of the component in a file.
func (w *wasmtime) call(path, prefix string, c echoCall) (value.Value, error) {
	constants := []constant{}
	for i, arg := range c.args {
		constants = append(constants, constantOf(c.params[i], arg))
	}
	if err := w.in.Encode(map[string]any{"component": path, "export": prefix + c.export, "args": constants}); err != nil {
		return value.Value{}, err
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return value.Value{}, err
	}
	var answer struct {
		Result *constant
		Error  string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return value.Value{}, err
	}
	if answer.Result == nil {
		return value.Value{}, errors.New(answer.Error)
	}
	return answer.Result.of(c.result)
}
