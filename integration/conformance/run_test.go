package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

// node is a host that runs components.
type node struct {
	*host
	components *component.ABI
}

func newNode(t *testing.T, config component.Config) *node {
	t.Helper()
	a, err := component.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &node{newHost(t, a), a}
}

// load loads a component.
func (n *node) load(ctx context.Context, b []byte) (*component.Program, error) {
	sum := sha256.Sum256(b)
	return n.components.LoadProgram(ctx, n.engine, abi.Source{Digest: hex.EncodeToString(sum[:]), Read: func() ([]byte, error) { return b, nil }})
}

// definition is a component that a script has defined: a program, or why it is none.
type definition struct {
	program   *component.Program
	functions map[string]*types.Func
	err       error
}

// instance is an instance that a script has made of a component: a store, or why it is none.
type instance struct {
	*definition
	guest *guest
	err   error
}

// run is a script that runs.
type run struct {
	script
	ctx         context.Context
	node        *node
	binaries    map[string]*definition // by file
	definitions map[string]*definition // by name; that without one is the last
	instances   map[string]*instance   // by name; that without one is the last
	opened      []*guest
}

// onlyChecked reports whether a script is of those whose own runner makes no instances.
func (s script) onlyChecked() bool { return strings.HasPrefix(s.name, "wasm-tools/") }

// run runs a script.
func (n *node) run(ctx context.Context, s script) (result, error) {
	r := &run{script: s, ctx: ctx, node: n, binaries: map[string]*definition{}, definitions: map[string]*definition{}, instances: map[string]*instance{}}
	defer func() {
		for _, d := range r.binaries {
			if d.program != nil {
				d.program.Release()
			}
		}
	}()
	for _, c := range s.Commands {
		if c.Filename != "" && c.Type != "assert_malformed" && c.Type != "assert_invalid" && !s.onlyChecked() {
			r.binaries[c.Filename] = r.define(c)
		}
	}
	results := r.all()
	var err error
	for _, g := range r.opened {
		err = errors.Join(err, g.close())
	}
	return results, err
}

// define loads the component of a command.
func (r *run) define(c command) *definition {
	b, err := r.binary(c)
	if err != nil {
		return &definition{err: err}
	}
	p, err := r.node.load(r.ctx, b)
	if err != nil {
		return &definition{err: err}
	}
	resolved, err := p.Description().Signatures.Resolve()
	if err != nil {
		return &definition{program: p, err: err}
	}
	d := &definition{program: p, functions: map[string]*types.Func{}}
	for _, f := range resolved.Functions {
		if f.Interface == "" {
			d.functions[f.Name] = f.Func
		}
	}
	return d
}

// all carries out the commands.
func (r *run) all() result {
	results := result{faults: map[int]error{}}
	for _, c := range r.Commands {
		err := r.command(c)
		if errors.Is(err, errText) {
			continue
		}
		results.commands++
		if err == nil {
			results.passed++
		} else {
			results.faults[c.Line] = errors.Join(results.faults[c.Line], fmt.Errorf("%s: %w", c.Type, err))
		}
	}
	return results
}

// command carries out a command, and returns what is not as specified.
func (r *run) command(c command) error {
	switch c.Type {
	case "module", "module_definition", "assert_malformed", "assert_invalid":
		return r.defines(c)
	case "module_instance":
		return r.instantiate(r.definitions[c.Module], c.Instance)
	case "assert_uninstantiable":
		return trapped(r.instantiate(r.binaries[c.Filename], ""))
	case "assert_unlinkable":
		return r.unlinkable(c)
	case "action", "assert_return":
		if r.onlyChecked() {
			return errText
		}
		return r.returns(c)
	case "assert_trap":
		_, _, err := r.call(c)
		return trapped(err)
	default:
		return fmt.Errorf("unknown command")
	}
}

func (r *run) defines(c command) error {
	b, err := r.binary(c)
	if err != nil {
		return err
	}
	features := everything
	if strings.Contains(c.Text, "feature") { // that is not on
		features = types.Features{}
	}
	err = check(r.ctx, b, features)
	switch c.Type {
	case "assert_malformed", "assert_invalid":
		return refused(err, c.Text)
	case "module_definition":
		d := r.binaries[c.Filename]
		r.definitions[c.Name], r.definitions[""] = d, d
		return err
	}
	if r.onlyChecked() {
		return err
	}
	if fault := r.instantiate(r.binaries[c.Filename], c.Name); err == nil {
		err = fault
	}
	return err
}

// instantiate makes an instance, by a name and as the last one.
func (r *run) instantiate(d *definition, name string) error {
	if d == nil {
		return errors.New("there is no such definition")
	}
	i := &instance{definition: d, err: d.err}
	r.instances[name], r.instances[""] = i, i
	if i.err != nil {
		return i.err
	}
	if i.guest, i.err = r.node.newGuest(d.program, &abi.Config{}); i.err != nil {
		return i.err
	}
	r.opened = append(r.opened, i.guest)
	i.err = i.guest.start()
	return i.err
}

// unlinkable returns nil if a valid component can't be loaded for want of what it imports.
func (r *run) unlinkable(c command) error {
	b, err := r.binary(c)
	if err != nil {
		return err
	}
	if err := check(r.ctx, b, everything); err != nil {
		return err
	}
	switch err := r.binaries[c.Filename].err; {
	case err == nil:
		return fmt.Errorf("linked, though: %s", c.Text)
	case unsupported(err):
		return err
	default:
		return nil
	}
}

// returns carries out a call that has to return, and compares what it returns.
func (r *run) returns(c command) error {
	f, got, err := r.call(c)
	if err != nil || c.Type == "action" {
		return err
	}
	var results []*types.Type
	if f.Result != nil {
		results = append(results, f.Result)
	}
	want, err := valuesOf(c.Expected, results)
	if err != nil {
		return err
	}
	for i := range want {
		if !equal(results[i], got[i], want[i]) {
			return fmt.Errorf("it returns %v, not %v", value.LiteralOf(results[i], got[i]), value.LiteralOf(results[i], want[i]))
		}
	}
	return nil
}

// call carries out the call of a command.
func (r *run) call(c command) (*types.Func, []value.Value, error) {
	i := r.instances[c.Action.Module]
	switch {
	case i == nil:
		return nil, nil, errors.New("there is no such instance")
	case i.guest == nil:
		return nil, nil, i.err
	}
	f := i.functions[c.Action.Field]
	if f == nil {
		return nil, nil, fmt.Errorf("there is no function %s", c.Action.Field)
	}
	args, err := valuesOf(c.Action.Args, fieldTypes(f.Params))
	if err != nil {
		return nil, nil, err
	}
	results, err := i.guest.call(c.Action.Field, args)
	return f, results, err
}

// trapped returns nil if an error is a trap.
func trapped(err error) error {
	var trap *engine.Trap
	switch {
	case err == nil:
		return errors.New("it does not trap")
	case errors.As(err, &trap):
		return nil
	default:
		return err
	}
}
