package wasip2

import "github.com/reactord/reactord/hostcalls/component"

func cliExit() component.Interface {
	return component.Interface{
		Name: "wasi:cli/exit", Version: version,
		Functions: []component.Function{
			function("exit", "func(status: result)", func(c call) {
				if c.Args.OK() {
					c.Exit(0)
				}
				c.Exit(1)
			}),
			function("exit-with-code", "func(status-code: u8)", func(c call) { c.Exit(uint32(c.Args.U8())) }),
		},
	}
}
