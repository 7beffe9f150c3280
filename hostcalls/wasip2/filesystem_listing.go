package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func listingFunctions() []component.Function {
	return []component.Function{
		function("[method]descriptor.read-directory", "func(self: borrow<descriptor>) -> result<directory-entry-stream, error-code>", readDirectory),
		function("[method]directory-entry-stream.read-directory-entry",
			"func(self: borrow<directory-entry-stream>) -> result<option<directory-entry>, error-code>", readDirectoryEntry),
	}
}

// listing is a directory-entry-stream.
type listing struct {
	component.Object
	*wasi.Listing
}

// readDirectory: [method]descriptor.read-directory.
func readDirectory(c call) {
	l, err := c.descriptor().List()
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.listings, &listing{Listing: l}, nil))
}

// readDirectoryEntry: [method]directory-entry-stream.read-directory-entry.
func readDirectoryEntry(c call) {
	e, ok, err := c.listings.Get(c.Args.Borrow()).Next(c.Call)
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	if !ok {
		c.Results.None()
		return
	}
	c.Results.Some()
	out := c.Results.Record()
	out.Enum(typeOf(e.Type))
	out.String(e.Name)
}
