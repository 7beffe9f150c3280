package engine

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Config sizes an Engine. A field that is zero has the default its comment tells.
type Config struct {
	CacheDir   string // machine code on disk, for one Engine alone; none
	CacheBytes int64  // bound on CacheDir; 1 GiB
	// OnCacheTrouble is called when CacheDir can't be written, so that modules are compiled anew each time or
	// have to wait, and with nil when it can again; by any goroutine, one at a time. nil: none
	OnCacheTrouble func(error)
	Compilers      int          // compilations at a time; half of GOMAXPROCS
	CompileBytes   int64        // of the compilations under way together, small modules' apart; 4 GiB
	Compiler       []string     // a command that calls CompilerMain, for modules that are not trusted; in this process. Needs CacheDir
	IdleModules    int          // compiled modules kept while no one holds them; 16
	ModuleBytes    int64        // of all compiled modules, about; 1 GiB
	Limits         meter.Limits // on what the metering pass accepts; its own defaults
	MemoryBytes    int64        // of all instances together; no bound
	OnReclaimed    func()       // is called when MemoryFreeing has fallen; must not block
}

func (c Config) withDefaults() Config {
	c.CacheBytes = cmp.Or(c.CacheBytes, 1<<30)
	c.Compilers = cmp.Or(c.Compilers, max(1, runtime.GOMAXPROCS(0)/2))
	c.CompileBytes = cmp.Or(c.CompileBytes, 4<<30)
	c.IdleModules = cmp.Or(c.IdleModules, 16)
	c.ModuleBytes = cmp.Or(c.ModuleBytes, 1<<30)
	return c
}

// Validate reports every fault of the configuration.
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
