package types

// Features are the parts of the component model that are in no release yet, and so are off unless they are asked for.
// Everything else that package binary decodes is on: asynchronous functions, streams and futures, maps, attributes.
type Features struct {
	MoreAsyncBuiltins bool // synchronous reads and writes of streams and futures, and cancels that return at once
	StackfulLift      bool // lifting with async and without a callback
	Threads           bool // thread.* but thread.yield, and a second context slot
	ErrorContext      bool // the type error-context and its canonical functions
	FixedLengthLists  bool // list<T, N>
	CanonicalNames    bool // versions of interfaces that are cut, and the attribute that has the rest
}

// The names of features, as they are told when a component is refused.
const (
	featureMoreAsync    = "more asynchronous built-ins"
	featureStackful     = "stackful lifting"
	featureThreads      = "cooperative threads"
	featureErrorContext = "error contexts"
	featureFixedLists   = "lists of a fixed length"
	featureNames        = "canonical interface names"
	featureExceptions   = "exception handling"
	featureMemory64     = "memory64"
	featureShared       = "shared memories and tables"
)
