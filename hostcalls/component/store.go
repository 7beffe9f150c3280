package component

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// Store is a root component instance with all below it. It is the context of its guests' host calls.
type Store struct {
	hostcalls.Guest
	hostcalls.Call
	host    Host // nil if there are no host interfaces
	objects objectList
}

// Host is what the host interfaces keep for one store, such as what it has open. NewHost makes it.
type Host interface {
	// Open opens what the store was granted. It is called once, on the store's fiber, before the component is
	// instantiated, and may wait. Its errors are those of abi.Process.Run.
	Open() error
	// Close gives up what the host holds for the store. It is called on the fiber, after all objects were dropped, and
	// does not wait.
	Close()
	// ListenAddresses is that of abi.Process. It may be called from any goroutine.
	ListenAddresses() []string
}

// trapf returns the trap of a guest that broke a rule.
func trapf(format string, args ...any) *engine.Trap {
	return &engine.Trap{Message: fmt.Sprintf(format, args...)}
}
