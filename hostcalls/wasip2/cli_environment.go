package wasip2

import (
	"strings"

	"github.com/reactord/reactord/hostcalls/component"
)

func cliEnvironment() component.Interface {
	return component.Interface{
		Name: "wasi:cli/environment", Version: version,
		Functions: []component.Function{
			function("get-environment", "func() -> list<tuple<string, string>>", getEnvironment),
			function("get-arguments", "func() -> list<string>", func(c call) {
				list := c.Results.List(len(c.args))
				for _, arg := range c.args {
					c.Charge(stringCost)
					list.String(arg)
				}
			}),
			// There is no current folder: paths are relative to preopens.
			function("initial-cwd", "func() -> option<string>", func(c call) { c.Results.None() }),
		},
	}
}

// stringCost is the cost of a string, in addition to its bytes.
const stringCost = 20

func getEnvironment(c call) {
	list := c.Results.List(len(c.env))
	for _, variable := range c.env {
		c.Charge(stringCost)
		name, value, _ := strings.Cut(variable, "=")
		pair := list.Record()
		pair.String(name)
		pair.String(value)
	}
}
