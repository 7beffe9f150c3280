package component

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

func text(s string) value.Literal { return value.Literal{Form: value.TextForm, Text: s} }
func number(n int64) value.Literal {
	return value.Literal{Form: value.IntForm, Bits: uint64(n)}
}
func chosen(name string, payload ...value.Literal) value.Literal {
	return value.Literal{Form: value.VariantForm, Text: name, Items: payload}
}

func TestProcess(t *testing.T) {
	n := newNode(t, Config{})
	p := n.load("calc")
	for _, tt := range []struct {
		name, export string
		args         []value.Literal
		want         *value.Literal
	}{
		{"numbers", "add", []value.Literal{number(-3), number(4)}, new(number(1))},
		{"a string", "name", []value.Literal{chosen("blue")}, new(text("blue"))},
		{"a result that is an error", "divide", []value.Literal{number(1), number(0)}, new(chosen("error", text("division by zero")))},
		{"no result", "nothing", nil, nil},
		{"a function in an interface", "example:calc/echo@0.1.0#echo-u8", []value.Literal{number(7)}, &value.Literal{Form: value.UintForm, Bits: 7}},
		{"a short name", "echo#echo-string", []value.Literal{text("ü")}, new(text("ü"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := &abi.FunctionCall{Export: tt.export, Args: tt.args}
			if faults := n.abi.CheckEntry(p.Description(), abi.Entry{Call: call}); len(faults) > 0 {
				t.Fatal(faults)
			}
			started := false
			exit, err := n.run(p, &abi.Config{Call: call, OnStart: func() { started = true }})
			if err != nil || exit.Code != 0 || !reflect.DeepEqual(exit.Result, tt.want) || !started {
				t.Errorf("%+v, %v, started %v", exit, err, started)
			}
		})
	}
}

// serving is the services of a node where each component can serve.
type serving struct{ Services }

func (serving) Serves([]abi.Export) bool { return true }

// What is wrong with running a component that serves is another thing than with one that does not.
func TestCheckEntryOfService(t *testing.T) {
	n := newNode(t, Config{Services: serving{}})
	faults := n.abi.CheckEntry(n.load("calc").Description(), abi.Entry{})
	if len(faults) != 1 || faults[0].Field != "call" || !strings.Contains(faults[0].Text, "`reactorctl serve`") {
		t.Errorf("faults %q, want one of call with `reactorctl serve`", faults)
	}
}

// What is wrong with a call is told before a process exists, and keeps a process from calling anything.
func TestCheckEntry(t *testing.T) {
	n := newNode(t, Config{})
	calc, counters := n.load("calc"), n.load("counters")
	for _, tt := range []struct {
		name        string
		program     *Program
		entry       abi.Entry
		field, text string
	}{
		{"no call", calc, abi.Entry{}, "call", "`reactorctl call` calls a function of it"},
		{"an invoked export", calc, abi.Entry{Invoke: "add"}, "invoke", "typed arguments"},
		{"an unknown function", calc, abi.Entry{Call: &abi.FunctionCall{Export: "nope"}}, "call.export", `no function "nope" is exported`},
		{"too few arguments", calc, abi.Entry{Call: &abi.FunctionCall{Export: "add", Args: []value.Literal{number(1)}}}, "call.args", "takes 2 arguments (a, b), not 1"},
		{"a number too large", calc, abi.Entry{Call: &abi.FunctionCall{Export: "echo-u8", Args: []value.Literal{number(300)}}}, "call.args[0]", "300 is not a u8"},
		{"a resource", counters, abi.Entry{Call: &abi.FunctionCall{Export: "counters#[constructor]counter", Args: []value.Literal{number(1)}}}, "call.export", "a resource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := n.abi.CheckEntry(tt.program.Description(), tt.entry)
			if len(faults) != 1 || faults[0].Field != tt.field || !strings.Contains(faults[0].Text, tt.text) {
				t.Errorf("faults %q, want one of %s with %q", faults, tt.field, tt.text)
			}
			_, err := n.run(tt.program, &abi.Config{Invoke: tt.entry.Invoke, Call: tt.entry.Call})
			if _, ok := errors.AsType[*abi.EntryError](err); !ok {
				t.Errorf("%v, want an EntryError", err)
			}
		})
	}
}

// A process whose component traps ends with the trap, and frees everything.
func TestProcessTraps(t *testing.T) {
	n := newNode(t, Config{})
	_, err := n.run(n.load("calc"), &abi.Config{Call: &abi.FunctionCall{Export: "trap"}})
	trap, ok := errors.AsType[*engine.Trap](err)
	if !ok || trap.Code != engine.Unreachable || len(trap.Frames) == 0 {
		t.Errorf("%v, want a trap with a stack", err)
	}
	if used := n.engine.MemoryUsed() - n.engine.MemoryFreeing(); used > 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// All that is missing is told at once, by name.
func TestMissingImports(t *testing.T) {
	n := newNode(t, Config{})
	_, err := n.abi.Load(t.Context(), n.engine, source(t, "rust-command"))
	missing, ok := errors.AsType[*abi.MissingImportsError](err)
	if !ok || len(missing.Imports) < 5 || !strings.Contains(err.Error(), "wasi:cli/environment@0.2.") {
		t.Errorf("%v", err)
	}
}

// Arguments are made on the component's time, and count as its memory until the guest has them.
func TestArgumentsAreTheComponents(t *testing.T) {
	n := newNode(t, Config{})
	calc := n.load("calc")
	many := value.Literal{Form: value.ListForm}
	for range 100_000 {
		many.Items = append(many.Items, number(1))
	}
	call := func(memory int64) (spent, peak int64, err error) {
		p, err := calc.NewProcess(&abi.Config{
			Driver: n.executor.Driver(), MemoryBytes: memory, Call: &abi.FunctionCall{Export: "sum", Args: []value.Literal{many}},
		})
		if err != nil {
			t.Fatal(err)
		}
		turn := abi.Turns(p, func(_ abi.Exit, failure error) { err = failure })
		n.await(executor.TaskSpec{Turn: func(f *executor.Fiber) executor.Next {
			defer func() { spent = int64(f.Spent()) }()
			return turn(f)
		}})
		return spent, p.PeakMemory(), err
	}
	spent, peak, err := call(32 << 20)
	if err != nil || spent < 100_000*literalCost || peak < int64(100_000*value.Bytes) {
		t.Errorf("%v; %d units of fuel, %d bytes", err, spent, peak)
	}
	_, _, err = call(18 << 20)
	trap, ok := errors.AsType[*engine.Trap](err)
	if !ok || !strings.Contains(trap.Message, "no room for its arguments") {
		t.Errorf("with little memory: %v", err)
	}
}
