package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// refused returns what is wrong with a refusal that has to be for a reason.
func refused(err error, reason string) error {
	if err == nil {
		return fmt.Errorf("accepted, though: %s", reason)
	}
	// What needs a feature is refused whatever else is wrong with it, so such a refusal proves nothing.
	if unsupported(err) && !strings.Contains(reason, "feature") && !strings.Contains(reason, "proposal") {
		return fmt.Errorf("refused by another reason (%w) than %s", err, reason)
	}
	return nil
}

// unsupported reports whether a component or core module is refused for want of a feature.
func unsupported(err error) bool {
	var component *binary.Error
	var core *wasm.Error
	return errors.As(err, &component) && component.Kind == binary.Unsupported || errors.As(err, &core) && core.Kind == wasm.Unsupported
}

// everything is the features that scripts need which test them.
var everything = types.Features{
	MoreAsyncBuiltins: true, StackfulLift: true, Threads: true, ErrorContext: true, FixedLengthLists: true, CanonicalNames: true,
}

// check returns why a core module or component is refused.
func check(ctx context.Context, b []byte, features types.Features) error {
	if !binary.IsComponent(b) {
		return checkCore(ctx, b)
	}
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		return err
	}
	if _, err := types.Check(c, features); err != nil {
		return err
	}
	return checkModules(ctx, c)
}

// checkModules checks the core modules of a component and of those within it.
func checkModules(ctx context.Context, c *binary.Component) error {
	for _, d := range c.Definitions {
		var err error
		switch d := d.(type) {
		case *binary.CoreModule:
			err = checkCore(ctx, d.Binary)
		case *binary.NestedComponent:
			err = checkModules(ctx, d.Component)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkCore returns why a core module is refused.
func checkCore(ctx context.Context, b []byte) (err error) {
	m, err := wasm.Decode(b, wasm.Limits{})
	if err != nil {
		return err
	}
	for i := range m.Imports {
		m.Imports[i].Module = "renamed" // as the engine does: wazero refuses empty names
	}
	// The interpreter checks as the compiler does, and is done sooner.
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExtendedConst))
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	_, err = r.CompileModule(ctx, m.Encode())
	return err
}
