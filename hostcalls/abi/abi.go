package abi

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// ABI is one interface between guests and the host.
type ABI interface {
	// Kinds returns the kinds of modules that the ABI runs. A kind belongs to one ABI.
	Kinds() []Kind
	// Define adds the host modules that guests import to a runtime.
	Define(ctx context.Context, r wazero.Runtime) error
	// Load returns the program of a module; the caller must Release it. Errors besides those of the
	// source and of engine.LoadIf are an *EntryError for a module that can't be entered, and a
	// *ForeignError.
	Load(ctx context.Context, e *engine.Engine, source Source) (Program, error)
	// CheckCall returns what is wrong with a call of a module that has been loaded before: export is
	// empty for its start.
	CheckCall(module *Description, export string, args []string) []Fault
	// Needs names the capabilities whose host calls a module imports.
	Needs(module *Description) []string
}

// Source is where a module comes from.
type Source struct {
	Digest string
	// Read returns the bytes. It is called as engine.Load says.
	Read func() ([]byte, error)
	// Accept, unless nil, is asked before the module is compiled. Load returns its error.
	Accept func(*Description) error
}

// Program is a module that has been loaded: checked, compiled, and ready to be run any number of times at
// once. It does not change.
type Program interface {
	// Description is what the module's author declared. It is made anew for each call.
	Description() *Description
	// StartBytes is the memory that the module's instances start with.
	StartBytes() int64
	// NewProcess makes a process, of which nothing is open yet. An error is a fault of the config, or an
	// *EntryError.
	NewProcess(config Config) (Process, error)
	// Release gives the program up. Processes of it may run on.
	Release()
}

// Process is one run of a program.
type Process interface {
	// Run opens the grants and runs the program to its end, on a fiber, once. When it returns the process
	// holds nothing any more.
	//
	// An error is a *capability.Error, an *engine.Trap, an *engine.StackRefusedError, an
	// *engine.InternalError, or the cause of a cancel; before Config.OnStart also one of those for want
	// of memory that engine.Module.Instantiate has.
	Run(f *executor.Fiber) (Exit, error)
	// Ops returns what the process waits for now.
	Ops() []hostcalls.Op
	// PeakMemory returns the most bytes of memory that the process held so far.
	PeakMemory() int64
	// ListenAddresses returns the addresses of the listener grants, in order, once all grants are open.
	ListenAddresses() []string
}

// Exit is how a program ended that ended by itself.
type Exit struct {
	Code    uint32
	Results []string // of the export that was called, as text
}

// Fault is something that is wrong with a call.
type Fault struct {
	Field string // "invoke", "args", "args[0]"
	Text  string
}

// EntryError says that a module can't be entered as it was asked for, or at all.
type EntryError struct {
	Export string // empty if there is none that could be asked for
	Msg    string
}

func (e *EntryError) Error() string {
	if e.Export == "" {
		return e.Msg
	}
	return fmt.Sprintf("export %q: %s", e.Export, e.Msg)
}

// ForeignError says that a module is not in the form that an ABI's modules have. Another may take it; Err is
// what there is to say if none does.
type ForeignError struct{ Err error }

func (e *ForeignError) Error() string { return e.Err.Error() }

func (e *ForeignError) Unwrap() error { return e.Err }

// UnknownKindError says that no ABI runs modules of a kind: a daemon that had one recorded it.
type UnknownKindError struct{ Kind Kind }

func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("modules of kind %d can't be run by this daemon", e.Kind)
}
