package engine

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Config configures an Engine. Each field's comment ends with the default, which its zero value means.
type Config struct {
	CacheDir   string // directory for machine code, used by one Engine at a time. Default: no disk cache.
	CacheBytes int64  // bound on the files in CacheDir. Default: 1 GiB.
	// OnCacheTrouble is called with an error when CacheDir cannot be written, so that modules are
	// compiled each time or have to wait, and with nil when it can be written again. It is called from
	// any goroutine, one call at a time. Default: none.
	OnCacheTrouble func(error)
	Compilers      int          // compilations at a time. Default: half of GOMAXPROCS.
	CompileBytes   int64        // memory of all running compilations, other than those of small modules. Default: 4 GiB.
	Compiler       []string     // command that calls CompilerMain, for untrusted modules. Needs CacheDir. Default: compile in this process.
	IdleModules    int          // compiled modules and composites kept that nobody holds. Default: 16.
	ModuleBytes    int64        // estimated memory of all compiled modules and composites. Default: 1 GiB.
	Limits         meter.Limits // on modules that the metering pass accepts. Default: the pass's own.
	MemoryBytes    int64        // memory of all instances. Default: no bound.
	Mappings       int64        // mappings of the process that images of modules' data may take; negative: none. Default: what the system allows, less what others need.
	OnDataCopied   func(error)  // called once, when data that should be mapped is copied for the first time, with the reason; must not block. Default: none.
	OnReclaimed    func()       // called when MemoryFreeing has fallen; must not block. Default: none.
}

func (c Config) withDefaults() Config {
	c.CacheBytes = cmp.Or(c.CacheBytes, 1<<30)
	c.Compilers = cmp.Or(c.Compilers, max(1, runtime.GOMAXPROCS(0)/2))
	c.CompileBytes = cmp.Or(c.CompileBytes, 4<<30)
	c.IdleModules = cmp.Or(c.IdleModules, 16)
	c.ModuleBytes = cmp.Or(c.ModuleBytes, 1<<30)
	return c
}

// Validate returns an error that lists all faults of the configuration.
func (c Config) Validate() error {
	var errs []error
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"CacheBytes", c.CacheBytes},
		{"Compilers", int64(c.Compilers)},
		{"CompileBytes", c.CompileBytes},
		{"IdleModules", int64(c.IdleModules)},
		{"ModuleBytes", c.ModuleBytes},
		{"MemoryBytes", c.MemoryBytes},
	} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative: %d", field.name, field.value))
		}
	}
	if len(c.Compiler) > 0 && c.CacheDir == "" {
		errs = append(errs, errors.New("a Compiler needs a CacheDir"))
	}
	return errors.Join(errs...)
}
