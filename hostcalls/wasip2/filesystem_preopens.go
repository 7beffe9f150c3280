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

// getDirectories: get-directories. Each call gives handles of their own, of the same folders.
func getDirectories(c call) {
	list := c.Results.List(len(c.Preopens))
	for _, p := range c.Preopens {
		pair := list.Record()
		pair.Own(give(c, &c.descriptors, p.Descriptor(), nil))
		pair.String(p.Name)
	}
}
