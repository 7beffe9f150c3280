package wasip2

import (
	"strings"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func cliEnvironment() component.Interface {
	return component.Interface{
		Name: "wasi:cli/environment", Version: version,
		Functions: []component.Function{
			function("get-environment", "func() -> list<tuple<string, string>>", getEnvironment),
			function("get-arguments", "func() -> list<string>", func(c call) {
				list := c.Results.List(len(c.Arguments))
				for _, arg := range c.Arguments {
					c.Charge(wasi.StringCost)
					list.String(arg)
				}
			}),
			// There is no current folder: paths are relative to preopens.
			function("initial-cwd", "func() -> option<string>", func(c call) { c.Results.None() }),
		},
	}
}

func getEnvironment(c call) {
	list := c.Results.List(len(c.Environment))
	for _, variable := range c.Environment {
		c.Charge(wasi.StringCost)
		name, value, _ := strings.Cut(variable, "=")
		pair := list.Record()
		pair.String(name)
		pair.String(value)
	}
}
