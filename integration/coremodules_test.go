package integration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// componentFolders has more components for TestCoreModulesOfComponents, in folders below each.
const componentFolders = "REACTORD_COMPONENTS"

// TestCoreModulesOfComponents: the core modules of real components are metered, compiled and linked with each other. What the
// host would do ends the guest.
func TestCoreModulesOfComponents(t *testing.T) {
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for _, file := range components(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := binary.Decode(content, binary.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			p, err := plan.Flatten(decoded, coreImports)
			if err != nil {
				t.Fatal(err)
			}
			linkSteps(t, e, p)
		})
	}
}

func components(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join("testdata", "components", "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatal("no components", err)
	}
	for _, folder := range filepath.SplitList(os.Getenv(componentFolders)) {
		more, err := filepath.Glob(filepath.Join(folder, "*", "*.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	return files
}

// coreImports reads the imports of a core module.
func coreImports(m *binary.CoreModule) (imports []plan.CoreImport, err error) {
	module, err := wasm.Decode(m.Binary, wasm.Limits{})
	if err != nil {
		return nil, err
	}
	sorts := map[wasm.ExternKind]binary.Sort{
		wasm.FuncExtern: binary.CoreFuncSort, wasm.TableExtern: binary.CoreTableSort,
		wasm.MemoryExtern: binary.CoreMemorySort, wasm.GlobalExtern: binary.CoreGlobalSort,
	}
	for _, i := range module.Imports {
		imports = append(imports, plan.CoreImport{Module: i.Module, Name: i.Name, Sort: sorts[i.Kind]})
	}
	return imports, nil
}

var errHostCall = errors.New("a call of the host")

// linkSteps instantiates the core modules of a plan.
func linkSteps(t *testing.T, e *engine.Engine, p *plan.Plan) {
	guest := &linkedGuest{}
	begin := time.Now()
	group, err := e.NewGroup(engine.InstanceConfig{Host: guest, MemoryBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	guest.group = group
	defer group.Close()
	group.Refill(1 << 30)
	var loading time.Duration
	instances := make([]*engine.CoreInstance, len(p.Steps))
	for i := range p.Steps {
		before := time.Now()
		module, providers := loadStep(t, e, p, &p.Steps[i], instances)
		loading += time.Since(before)
		if instances[i], err = group.Instantiate(module, providers...); err != nil {
			t.Fatalf("core instance %d of module %d: %v", i, p.Steps[i].Module, err)
		}
	}
	t.Logf("%d core instances of %d modules in %v, loaded in %v, %d units of fuel, %d KiB",
		len(p.Steps), len(p.Modules), time.Since(begin)-loading, loading, guest.burnt+group.Burnt(), group.PeakMemory()>>10)
}

// loadStep loads the module of a step, and returns its providers.
func loadStep(t *testing.T, e *engine.Engine, p *plan.Plan, step *plan.Step, instances []*engine.CoreInstance) (*engine.Module, []engine.Provider) {
	content := p.Modules[step.Module].Binary
	types, err := wasm.Decode(content, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var functions []engine.HostFunction
	var providers []engine.Provider
	linking := engine.Linking{}
	ordinals := map[int]int{}
	for i, d := range step.Imports {
		ordinal, ok := ordinals[d.Instance]
		if !ok {
			ordinal = len(providers)
			ordinals[d.Instance] = ordinal
			providers = append(providers, nil)
			if d.Instance != plan.Canonical {
				providers[ordinal] = instances[d.Instance]
			}
		}
		source := meter.Source{Provider: ordinal, Name: d.Export}
		if d.Instance == plan.Canonical {
			source.Name, source.Host = strconv.Itoa(i), true
			functions = append(functions, engine.HostFunction{
				Name: source.Name, Type: types.Types[types.Imports[i].Func],
				Call: api.GoModuleFunc(func(context.Context, api.Module, []uint64) { engine.Abort(errHostCall) }),
			})
		}
		linking = append(linking, source)
	}
	if at, ok := ordinals[plan.Canonical]; ok {
		host, err := e.NewHostModule("host", functions)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := host.Close(); err != nil {
				t.Error(err)
			}
		})
		providers[at] = host
	}
	digest := sha256.Sum256(content)
	module, err := e.LoadLinked(t.Context(), hex.EncodeToString(digest[:]), linking, func() ([]byte, error) { return content, nil })
	if err != nil {
		t.Fatalf("module %d: %v", step.Module, err)
	}
	t.Cleanup(module.Release)
	return module, providers
}

// linkedGuest has fuel without end.
type linkedGuest struct {
	engine.Binding
	group *engine.Group
	burnt int64
}

func (*linkedGuest) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*linkedGuest) Done() <-chan struct{}       { return nil }
func (*linkedGuest) Err() error                  { return nil }

func (g *linkedGuest) Preempt() error {
	g.burnt += g.group.Burnt()
	g.group.Refill(1 << 30)
	return nil
}
