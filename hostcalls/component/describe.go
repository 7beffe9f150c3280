package component

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/signature"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
)

// runInterface is the interface whose function run is a command's start.
const runInterface, runFunction = "wasi:cli/run", "run"

// maxDescription bounds what a component says of itself: the names of its imports and exports, and their types.
const maxDescription = 1 << 20

// describe makes the description, and finds the start of a command.
func (l *loader) describe() error {
	d := &abi.Description{Kind: abi.Component, Signatures: signature.Of(l.plan), Links: l.linkNames()}
	for i := range l.plan.Imports {
		f := &l.plan.Imports[i]
		d.Imports = append(d.Imports, abi.Import{Module: f.Interface, Name: f.Name})
	}
	d.HostBytes = uint64(l.storeBytes())
	l.run = -1
	for i := range l.plan.Exports {
		e := &l.plan.Exports[i]
		d.Exports = append(d.Exports, abi.Export{Name: fullName(e.Interface, e.Name)})
		if e.Target.Lift != plan.Host && isRun(e) && (l.run < 0 || e.Func.Async) { // that of WASI 0.3 wins
			l.run, d.Kind = e.Target.Lift, abi.ComponentCommand
		}
	}
	for i := range l.plan.Steps {
		d.HostBytes += uint64(l.sources[l.plan.Steps[i].Module].memory)
	}
	for i := range l.sources {
		d.Functions += uint32(l.sources[i].functions)
	}
	if n := size(d); n > maxDescription {
		return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf(
			"names and types of imports and exports of %d bytes, the limit is %d: export fewer functions", n, maxDescription)}
	}
	l.description = d
	return nil
}

// size is about how many bytes a description takes.
func size(d *abi.Description) int {
	size := d.Signatures.Size()
	for i := range d.Imports {
		size += len(d.Imports[i].Module) + len(d.Imports[i].Name)
	}
	for i := range d.Exports {
		size += len(d.Exports[i].Name)
	}
	for _, name := range d.Links {
		size += len(name)
	}
	return size
}

// WIT implements abi.ABI.
func (a *ABI) WIT(bytes []byte) (string, error) {
	decoded, err := binary.Decode(bytes, binary.Limits{})
	if err != nil {
		return "", refused(err)
	}
	typ, err := types.Check(decoded, a.config.Features)
	if err != nil {
		return "", refused(err)
	}
	return wit.World(typ), nil
}

// isRun reports whether an export is the start of a command of WASI 0.2 or 0.3.
func isRun(e *plan.Export) bool {
	n, err := names.Parse(e.Interface)
	if err != nil || n.Path != runInterface || e.Name != runFunction || len(e.Func.Params) != 0 || e.Func.Result == nil {
		return false
	}
	switch names.Track(n.Version) {
	case "0.2":
		return !e.Func.Async
	case "0.3":
		return e.Func.Async
	default:
		return false
	}
}
