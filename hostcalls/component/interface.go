package component

// Interface is an interface that the host provides to components.
//
// A component's import matches an interface by its name and a compatible version: within 0.x all patch versions are
// compatible, from 1.0 on all minor ones, and of two only the later may have more. Then the type that the component
// imports it as has to fit. So a Version is the newest that the Functions have everything of.
type Interface struct {
	Name    string // such as "wasi:io/poll"; of one without a name the functions are imported by themselves
	Version string // such as "0.2.12"; empty if it has none
	// Types defines what the functions' types refer to, as the body of a WIT interface does, without functions:
	// "use wasi:io/poll.{pollable}; resource input-stream; variant stream-error { ... }".
	Types     string
	Functions []Function
	Resources []Resource // each resource that Types defines
}

// Function is a function of an Interface.
type Function struct {
	Name string // such as "poll" or "[method]pollable.block"
	Type string // in WIT: "func(in: list<borrow<pollable>>) -> list<u32>"
	// Call reads the arguments in their order, and writes the result. It runs on the store's fiber. If the function is
	// asynchronous, Call has a fiber of its own: while it waits, the component goes on. It has read its arguments before it
	// waits.
	Call func(c *Call)
	// Later is of asynchronous functions: Call does not wait, so that it needs no fiber of its own. It may begin an Operation
	// instead, by Call.Later.
	Later bool
}

// Resource is a resource type of the host. What a component holds of it is a handle; what the host gets and gives is the
// number that the handle stands for, as Objects gives them out.
type Resource struct {
	Name string
	// Drop is called when a component drops its handle of an object that it owns. It is not called for what is left when
	// the store is closed; see Objects.
	Drop func(c *Call, rep uint32)
}
