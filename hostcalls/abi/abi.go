package abi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/activity"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/internal/clip"
)

// ABI is one interface between guests and the host.
type ABI interface {
	// Kinds returns the kinds of modules that the ABI runs. A kind belongs to one ABI.
	Kinds() []Kind
	// Define adds the host modules that guests import to a runtime.
	Define(ctx context.Context, r wazero.Runtime) error
	// Load returns the program of a module; the caller must Release it. Besides the errors of the source and
	// of engine.LoadIf, it returns an *EntryError for a module that can't be entered, or a *ForeignError.
	Load(ctx context.Context, e *engine.Engine, source Source) (Program, error)
	// CheckEntry returns the faults of a way to enter a module that was loaded before.
	CheckEntry(module *Description, entry Entry) []Fault
	// WIT returns what a module of the ABI imports and exports as WIT; empty if its kind has no types in WIT. An error is
	// one of Load.
	WIT(binary []byte) (string, error)
	// Needs names the capabilities whose host calls a module imports.
	Needs(module *Description) []string
}

// Source provides the bytes of a module.
type Source struct {
	Digest string
	// Read returns the bytes. It is called as engine.Load says.
	Read func() ([]byte, error)
	// Accept, unless nil, is called before the module is compiled. If it fails, Load returns its error.
	Accept func(*Description) error
}

// Program is a loaded module: checked, compiled, and ready to be run any number of times concurrently. It is
// immutable.
type Program interface {
	// Description returns the module's declarations. Each call returns a new value.
	Description() *Description
	// StartBytes returns the memory that the module's instances start with.
	StartBytes() int64
	// NewProcess makes a process, whose grants are not opened yet. The config is the process's from then on. An error is
	// a fault of the config, or an *EntryError.
	NewProcess(config *Config) (Process, error)
	// Release gives the program up. Its processes may continue to run.
	Release()
}

// Process is one run of a program.
type Process interface {
	// Turn is the Turn of the process's task. The first one opens the grants and begins to run the program. When done is true,
	// the program has ended and the process holds nothing any more; Turn is not called again then, nor after it has panicked.
	Turn(f *executor.Fiber) (next executor.Next, done bool)
	// Result says how the program has ended. It is called once, when Turn has returned done, on its fiber.
	//
	// An error is a *capability.Error, a *ResultSizeError, an *engine.Trap, an *engine.StackRefusedError, an
	// *engine.InternalError, or the cause of a cancel. Before Config.OnStart it may also be an error of
	// engine.Module.Instantiate for lack of memory.
	Result() (Exit, error)
	// AppendOps appends the operations that the process waits for now. It may be called from any goroutine.
	AppendOps(ops []hostcalls.Op) []hostcalls.Op
	// LastCall returns the host call in which the process waits now; empty if it does not wait, or if the program has
	// made none. It may be called from any goroutine.
	LastCall() string
	// Waits returns what the process has waited for in all, without the current wait, whose kind it returns apart;
	// that is unspecified if there is none. It may be called from any goroutine.
	Waits() (past []hostcalls.WaitUsage, current hostcalls.OpKind)
	// PeakMemory returns the most bytes of memory that the process has held.
	PeakMemory() int64
	// Refusal returns what the program was refused shortly before it ended, or nil. It may be called once Turn has
	// returned done.
	Refusal() *Refusal
	// ListenAddresses returns the addresses of the listener grants, in order; nil until all grants are open.
	ListenAddresses() []string
}

// Active is a Process that may have many calls in progress.
type Active interface {
	// Calls returns how many there are. It may be called from any goroutine.
	Calls() int
	// AppendFirstOps is AppendOps of at least so many operations, if there are as many: the others may be left out.
	AppendFirstOps(ops []hostcalls.Op, enough int) []hostcalls.Op
	// Activity says what they do. It may be called from any goroutine, and does not hold up the process.
	Activity() *activity.Activity
}

// Turns is the Turn of a task that runs a process. onEnd is called with the result when the process has ended.
func Turns(p Process, onEnd func(Exit, error)) func(*executor.Fiber) executor.Next {
	return func(f *executor.Fiber) executor.Next {
		next, done := p.Turn(f)
		if done {
			end(p, onEnd)
		}
		return next
	}
}

// end is apart so that its frame is not on the stack of a process that waits.
//
//go:noinline
func end(p Process, onEnd func(Exit, error)) { onEnd(p.Result()) }

// Exit is the result of a program that ended by itself.
type Exit struct {
	Code    uint32
	Results []string       // of the invoked export, as text
	Result  *value.Literal // of the called function; nil if it returns nothing
}

// Entry says how a process is entered, and with which grants: by the module's start if none of Invoke, Call and Serve is set.
type Entry struct {
	Args   []string      // the program's arguments, or those of the invoked export
	Invoke string        // the export of a core module to call with Args
	Call   *FunctionCall // the function of a component to call
	// Channels is whether the call's streams and futures have channels.
	Channels bool
	Serve    *Service // how the component serves HTTP; the process is a Server then
	Grants   []capability.Grant
}

// FunctionCall is a call of a function that a component exports.
type FunctionCall struct {
	Export string
	Args   []value.Literal
}

// MaxResultBytes bounds the size of what a called function returns, as value.Literal.Size counts.
const MaxResultBytes = 1 << 20

// ResultSizeError means that a called function has returned more than MaxResultBytes.
type ResultSizeError struct{ Bytes int }

func (e *ResultSizeError) Error() string {
	return fmt.Sprintf("the function returned a value of %d bytes, and %d are kept: let it return what is larger as a stream, or write it to its standard output", e.Bytes, MaxResultBytes)
}

// Fault is a fault of an Entry.
type Fault struct {
	Field string // "invoke", "args", "args[0]", "call.args[1].points[3].x", "grants[0]"
	Text  string
}

// EntryError means that a module can't be entered by an export, or not at all.
type EntryError struct {
	Export string // empty if the module can't be entered at all
	Msg    string
}

func (e *EntryError) Error() string {
	if e.Export == "" {
		return e.Msg
	}
	return fmt.Sprintf("export %q: %s", e.Export, e.Msg)
}

// ForeignError means that a module does not have the form of an ABI's modules. Another ABI may accept it. Err
// is the error if none does.
type ForeignError struct{ Err error }

func (e *ForeignError) Error() string { return e.Err.Error() }

func (e *ForeignError) Unwrap() error { return e.Err }

// UnknownKindError means that no ABI runs modules of a kind. Another version of the daemon has recorded it.
type UnknownKindError struct{ Kind Kind }

func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("modules of kind %d can't be run by this daemon", e.Kind)
}

// MissingImportsError means that a module imports what the daemon does not have.
type MissingImportsError struct{ Imports []string }

func (e *MissingImportsError) Error() string {
	const most = 16
	list := strings.Join(e.Imports[:min(len(e.Imports), most)], ", ")
	if n := len(e.Imports); n > most {
		list += fmt.Sprintf(" and %d more", n-most)
	}
	text := "the component imports what is not here: " + clip.Text(list, 4<<10)
	if slices.ContainsFunc(e.Imports, givenByOthers) {
		text += "; take it from a component that exports it by `--plug`, or join both with `reactorctl module compose`"
	}
	return text
}

// givenByOthers reports whether an import is one that other components give: wasi:http/handler is what stands behind a middleware.
func givenByOthers(name string) bool {
	return !strings.HasPrefix(name, "wasi:") || strings.HasPrefix(name, "wasi:http/handler@")
}
