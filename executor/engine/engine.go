package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// minLoaders is the least number of modules that may be decoded at a time.
const minLoaders = 2

// ErrClosed is returned by Load after Close.
var ErrClosed = errors.New("engine: closed")

// features are the features that the metering pass accepts: WebAssembly 2.0, tail calls and extended
// constant expressions.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// Engine compiles modules and makes instances of them.
type Engine struct {
	config      Config
	settings    wazero.RuntimeConfig
	hostModules []func(context.Context, wazero.Runtime) error // each adds a host module
	shared      wazero.CompilationCache                       // shared by all runtimes, so that they share machine code
	linker      wazero.Runtime                                // has the host modules, and nothing else
	instances   wazero.ModuleConfig                           // the same for every instance
	pool        *memory.Pool
	cache       *diskCache // nil if there is none

	// ctx is cancelled by Close, which ends the waits in semaphores.
	ctx     context.Context
	stop    context.CancelFunc
	loading sync.WaitGroup
	// See load.
	loaders, smallCompiler, compilers *semaphore
	instantiators                     *semaphore // for large instances, which take a processor from the workers

	modules moduleTable
	types   functionTypes
	context contextModule
	tables  bool // the engine makes the tables of instances
	stacks  stackFields
	fields  *instanceFields
}

// New opens an engine. ctx applies to New only.
func New(ctx context.Context, config Config) (*Engine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	e := &Engine{
		config:    config,
		instances: instanceConfig(),
		fields:    newInstanceFields(),
		pool: memory.NewPool(memory.Config{
			LimitBytes: config.MemoryBytes, Mappings: config.Mappings, OnDataCopied: config.OnDataCopied, OnReclaimed: config.OnReclaimed,
		}),

		loaders:       newSemaphore(max(minLoaders, config.Compilers), 0),
		smallCompiler: newSemaphore(1, 0),
		compilers:     newSemaphore(config.Compilers, config.CompileBytes),
		instantiators: newSemaphore(max(1, runtime.GOMAXPROCS(0)/2), 0),
	}
	e.modules.init(config.IdleModules, config.ModuleBytes)
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if config.CacheDir == "" {
		e.shared = wazero.NewCompilationCache()
	} else {
		cache, err := openDiskCache(ctx, config.CacheDir, config.CacheBytes, e.modules.isHeld, config.Compiler, config.OnCacheTrouble)
		if err != nil {
			e.stop()
			return nil, fmt.Errorf("compile cache: %w", err)
		}
		e.cache, e.shared = cache, cache.shared
	}
	e.settings = runtimeConfig().WithCompilationCache(e.shared)
	e.linker = wazero.NewRuntimeWithConfig(ctx, e.settings)
	if err := e.AddHost(ctx, defineMeter); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	host := e.linker.Module(meter.HostModule)
	e.tables, e.types.possible = hasTables(host), e.canNumberTypes(host)
	return e, nil
}

// AddHost adds a host module to the runtimes of all modules. define is called once now and once for
// each module that is loaded. AddHost must be called before the first Load.
func (e *Engine) AddHost(ctx context.Context, define func(context.Context, wazero.Runtime) error) error {
	e.hostModules = append(e.hostModules, define)
	return define(ctx, e.linker)
}

// newRuntime makes a runtime for one module, with all host modules, or for one that is linked with others. Modules don't share
// a runtime, since a runtime keeps every function type that it has seen.
func (e *Engine) newRuntime(linked bool) (wazero.Runtime, error) {
	hosts := e.hostModules
	if linked {
		hosts = []func(context.Context, wazero.Runtime) error{defineMeter}
	}
	r := wazero.NewRuntimeWithConfig(e.ctx, e.settings)
	for _, define := range hosts {
		if err := define(e.ctx, r); err != nil {
			return nil, errors.Join(err, r.Close(e.ctx))
		}
	}
	if linked {
		forgetTypes(r.Module(meter.HostModule))
	}
	return r, nil
}

// runtimeConfig returns the configuration of guests' runtimes. wazero's own preemption
// (WithCloseOnContextDone) is off: the metering pass does that.
//
// wazero's DWARF support is off: whenever a guest ends by a panic, as by proc_exit, it walks all debug
// entries of the module for each frame of the stack.
func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(features).
		WithMemoryLimitPages(wasm.MaxPages).
		WithCloseOnContextDone(false).
		WithDebugInfoEnabled(false)
}

// instanceConfig returns the configuration of all instances. Without it wazero would seed a random
// source and make two clocks for each instance, which no host function here uses. The name is empty
// so that a module can have any number of instances.
func instanceConfig() wazero.ModuleConfig {
	return wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions().
		WithRandSource(rand.Reader).
		WithWalltime(func() (int64, int32) { return 0, 0 }, sys.ClockResolution(1)).
		WithNanotime(func() int64 { return 0 }, sys.ClockResolution(1))
}

// MemoryUsed returns the bytes that all instances hold, as counted against Config.MemoryBytes.
func (e *Engine) MemoryUsed() int64 { return e.pool.Used() }

// MemoryFreeing returns the bytes of MemoryUsed whose instances have ended and which are not free yet.
func (e *Engine) MemoryFreeing() int64 { return e.pool.Freeing() }

// ImageBytes returns the memory of all modules' images, which the instances share.
func (e *Engine) ImageBytes() int64 { return e.pool.Images() }

// Close stops loads that are queued or run in a compiler process, waits for the others, and releases
// everything. All instances must have been closed; otherwise Close only ends loading, and returns an
// error.
func (e *Engine) Close(ctx context.Context) error {
	e.modules.close()
	e.stop()
	e.loading.Wait()
	if err := e.pool.Close(); err != nil {
		return err
	}
	err := errors.Join(e.context.close(ctx), e.linker.Close(ctx), e.shared.Close(ctx))
	if e.cache != nil {
		err = errors.Join(err, e.cache.close())
	}
	return err
}
