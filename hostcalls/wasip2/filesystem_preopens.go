package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
)

func filesystemPreopens() component.Interface {
	return component.Interface{
		Name: "wasi:filesystem/preopens", Version: version,
		Types: `use wasi:filesystem/types.{descriptor};`,
		Functions: []component.Function{
			function("get-directories", "func() -> list<tuple<descriptor, string>>", getDirectories),
		},
	}
}

// preopen is a granted folder. It stays open until the store is closed.
type preopen struct {
	*node
	name string
}

// getDirectories: get-directories. Each call gives handles of their own, of the same folders.
func getDirectories(c call) {
	list := c.Results.List(len(c.preopens))
	for _, p := range c.preopens {
		pair := list.Record()
		pair.Own(give(c, &c.host.descriptors, &descriptor{node: p.use(), flags: flagRead | flagMutateDirectory}, nil))
		pair.String(p.name)
	}
}
