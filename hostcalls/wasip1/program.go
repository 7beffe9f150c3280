package wasip1

import (
	"context"
	"crypto/rand"
	"errors"
	"io"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
)

// ABI is WASI preview 1 as an abi.ABI, with the state that the processes of a node share.
type ABI struct {
	appends *files.Appends
	random  io.Reader // safe for concurrent use
}

// New makes the ABI of a node.
func New() *ABI { return &ABI{appends: files.NewAppends(), random: rand.Reader} }

// Appends returns the appends to files, which all ABIs of a node share.
func (a *ABI) Appends() *files.Appends { return a.appends }

var _ abi.ABI = (*ABI)(nil)

// Kinds implements abi.ABI: commands and reactors.
func (*ABI) Kinds() []abi.Kind { return []abi.Kind{abi.Command, abi.Reactor} }

// Define implements abi.ABI.
func (*ABI) Define(ctx context.Context, r wazero.Runtime) error { return define(ctx, r) }

// Load implements abi.ABI.
func (a *ABI) Load(ctx context.Context, e *engine.Engine, source abi.Source) (abi.Program, error) {
	var accept func(*meter.Info) error
	if source.Accept != nil {
		accept = func(info *meter.Info) error {
			kind, err := kindOf(info)
			if err != nil {
				return err
			}
			return source.Accept(describe(info, kind))
		}
	}
	module, err := e.LoadIf(ctx, source.Digest, source.Read, accept)
	if err != nil {
		if refused, ok := errors.AsType[*meter.Error](err); ok && refused.Kind == meter.Component {
			return nil, &abi.ForeignError{Err: err}
		}
		return nil, err
	}
	p := &program{abi: a, module: module}
	if p.kind, err = kindOf(module.Info()); err != nil {
		module.Release()
		return nil, err
	}
	return p, nil
}

// program is a module with an entry point of preview 1. The engine has checked its imports.
type program struct {
	abi    *ABI
	module *engine.Module
	kind   abi.Kind
}

// Description implements abi.Program.
func (p *program) Description() *abi.Description { return describe(p.module.Info(), p.kind) }

// StartBytes implements abi.Program.
func (p *program) StartBytes() int64 { return p.module.StartBytes() }

// NewProcess implements abi.Program.
func (p *program) NewProcess(config *abi.Config) (abi.Process, error) {
	entry, err := planEntry(p.module.Info(), config.Invoke, config.Args)
	if err != nil {
		return nil, err
	}
	process, err := newProcess(p.abi, config)
	if err != nil {
		return nil, err
	}
	process.startup = &startup{module: p.module, entry: entry, config: config}
	return process, nil
}

// Release implements abi.Program.
func (p *program) Release() { p.module.Release() }
