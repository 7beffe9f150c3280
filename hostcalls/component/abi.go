package component

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/link"
)

// Config says what the host provides to components.
type Config struct {
	Interfaces []Interface // each after those whose types it uses
	// NewHost makes the Host of a store; nil: it needs none. It does not wait, and opens nothing yet. An error is a fault of
	// the config.
	NewHost func(*Store, *abi.Config) (Host, error)
	// Needs, unless nil, names the capabilities that a component needs by the interfaces that it imports.
	Needs func(imports []abi.Import) []string
	// CheckGrant, unless nil, returns why components can't be given a grant. takes returns why not the connection that is granted
	// under a name.
	CheckGrant func(g capability.Grant, takes func(connection string) error) error
	// Connection is the type of connections that are arguments; the zero value is of none. The Host of a store is a Connector then.
	Connection ConnectionType
	// Services makes the processes of components that serve HTTP; nil: none does.
	Services Services
	// Features are the gated parts of the component model that components may use.
	Features types.Features
	// KeepShims makes also the core instances that components can do without (plan.Elide), to compare.
	KeepShims bool
}

// Services makes processes of another kind than Process: those that serve.
type Services interface {
	// Check returns the faults of a way to serve by a component.
	Check(module *abi.Description, entry abi.Entry) []abi.Fault
	// Serves reports whether a component with such exports can serve.
	Serves(exports []abi.Export) bool
	// New makes the process of a config with Serve. An error is a fault of the config, or an *abi.EntryError.
	New(p *Program, config *abi.Config) (abi.Process, error)
}

// ABI is the component model as an abi.ABI.
type ABI struct {
	config     Config
	interfaces *hostInterfaces
	drops      hostResources
	crossings  crossings
	buffers    link.Buffers
}

var _ abi.ABI = (*ABI)(nil)

// New makes the ABI of a node. An error is a fault of the config.
func New(config Config) (*ABI, error) {
	interfaces, drops, err := newHostInterfaces(config.Interfaces)
	if err != nil {
		return nil, err
	}
	return &ABI{config: config, interfaces: interfaces, drops: drops}, nil
}

// Kinds implements abi.ABI.
func (*ABI) Kinds() []abi.Kind { return []abi.Kind{abi.ComponentCommand, abi.Component} }

// Define implements abi.ABI. Each component has host modules of its own.
func (*ABI) Define(context.Context, wazero.Runtime) error { return nil }

// Needs implements abi.ABI.
func (a *ABI) Needs(module *abi.Description) (needs []string) {
	if a.config.Needs != nil {
		needs = a.config.Needs(module.Imports)
	}
	for _, name := range module.Links {
		needs = append(needs, "link "+name)
	}
	return needs
}

// Load implements abi.ABI.
func (a *ABI) Load(ctx context.Context, e *engine.Engine, source abi.Source) (abi.Program, error) {
	accept := source.Accept
	source.Accept = func(d *abi.Description) error {
		if len(d.Exports) == 0 {
			return &abi.EntryError{Msg: "the component has no entry point: it exports neither " + runInterface + ", as a program does, nor a function to call"}
		}
		if accept == nil {
			return nil
		}
		return accept(d)
	}
	p, err := a.LoadProgram(ctx, e, source)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// LoadProgram is Load for any component, also one that exports no function.
func (a *ABI) LoadProgram(ctx context.Context, e *engine.Engine, source abi.Source) (*Program, error) {
	from := &reader{component: source.Read}
	composite := e.HoldComposite(source.Digest)
	if composite == nil {
		made, err := a.define(ctx, e, from)
		if err != nil {
			return nil, err
		}
		if composite, err = e.AddComposite(source.Digest, made, made.bytes); err != nil {
			return nil, err
		}
	}
	d := composite.Content().(*definition) // nobody else has composites
	p := &Program{definition: d, composite: composite, engine: e, holders: 1, startBytes: d.storeBytes()}
	if err := p.load(ctx, source.Accept, from); err != nil {
		p.Release()
		return nil, err
	}
	return p, nil
}

// load loads the core modules.
func (p *Program) load(ctx context.Context, accept func(*abi.Description) error, from *reader) error {
	if accept != nil {
		if err := accept(p.Description()); err != nil {
			return err
		}
	}
	for i := range p.steps {
		source := &p.sources[p.steps[i].source]
		module, err := p.engine.LoadLinked(ctx, source.digest, p.steps[i].linking, func() ([]byte, error) { return from.module(source) })
		if err != nil {
			return source.fault(err)
		}
		p.modules = append(p.modules, module)
		p.startBytes += module.StartBytes()
	}
	return nil
}

// define reads a component, as soon as it is one of the few that are read at a time.
func (a *ABI) define(ctx context.Context, e *engine.Engine, from *reader) (*definition, error) {
	l := &loader{
		definition: &definition{
			abi: a, resources: map[*types.Resource]*resource{}, exports: map[string]int{},
		},
		engine: e, numbers: map[coreExport]int{}, cores: coreModules{},
	}
	var err error
	if err := e.Decode(ctx, func() { err = engine.Protect(func() error { return l.decode(from) }) }); err != nil {
		return nil, err
	}
	if err != nil {
		_ = l.Close() // err says more
		return nil, err
	}
	return l.definition, nil
}

// decode makes everything of a definition.
func (l *loader) decode(from *reader) error {
	bytes, err := from.read()
	if err != nil {
		return err
	}
	if !binary.IsComponent(bytes) {
		return &abi.ForeignError{Err: &meter.Error{Kind: meter.Malformed, Msg: "it is no component"}}
	}
	decoded, err := binary.Decode(bytes, binary.Limits{})
	if err != nil {
		return refused(err)
	}
	if _, err := types.Check(decoded, l.abi.config.Features); err != nil {
		return refused(err)
	}
	if l.plan, err = plan.Flatten(decoded, l.cores.imports); err != nil {
		return refused(err)
	}
	if !l.abi.config.KeepShims {
		l.plan.Elide(l.cores.form)
	}
	for _, m := range l.plan.Modules {
		l.sources = append(l.sources, newSource(m, l.cores[m]))
	}
	if err := l.match(); err != nil {
		return err
	}
	if err := l.define(); err != nil {
		return err
	}
	if err := l.describe(); err != nil {
		return err
	}
	if err := l.link(); err != nil {
		return err
	}
	l.bytes = l.weigh()
	return nil
}

// match finds what the component imports.
func (l *loader) match() error {
	m := l.abi.interfaces.match(l.plan)
	if len(m.missing) > 0 {
		return &abi.MissingImportsError{Imports: m.missing}
	}
	l.imported = m.functions
	l.linkImports(m.links)
	for guest, host := range m.resources {
		l.resources[guest] = &resource{instance: plan.Host, host: host, drop: l.abi.drops[host]}
	}
	return nil
}

// refused converts an error of the component packages to the engine's kind of error for modules that are refused.
func refused(err error) error {
	if fault, ok := errors.AsType[*binary.Error](err); ok {
		kinds := map[binary.Kind]wasm.Kind{
			binary.Malformed: meter.Malformed, binary.Invalid: meter.Malformed, binary.Unsupported: meter.Unsupported, binary.TooLarge: meter.TooLarge,
		}
		return &meter.Error{Kind: kinds[fault.Kind], Offset: int64(fault.Offset), Feature: fault.Feature, Msg: fault.Msg}
	}
	if fault, ok := errors.AsType[*plan.Error](err); ok {
		return &meter.Error{Kind: meter.TooLarge, Offset: int64(fault.Offset), Msg: fault.Msg}
	}
	return err
}

// unsupported refuses a component for what it needs and the runtime lacks.
func unsupported(offset int, msg, feature string) error {
	return &meter.Error{Kind: meter.Unsupported, Offset: int64(offset), Feature: feature, Msg: msg}
}
