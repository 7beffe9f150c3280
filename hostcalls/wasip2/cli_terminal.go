package wasip2

import "github.com/reactord/reactord/hostcalls/component"

// No standard stream is a terminal: programs would draw on what goes to a log. So there never is a handle of a terminal.

func cliTerminalInput() component.Interface {
	return terminal("terminal-input")
}

func cliTerminalOutput() component.Interface {
	return terminal("terminal-output")
}

func terminal(name string) component.Interface {
	return component.Interface{
		Name: "wasi:cli/" + name, Version: version,
		Types:     "resource " + name + ";",
		Resources: []component.Resource{{Name: name, Drop: func(*component.Call, uint32) {}}},
	}
}

func cliTerminalStdin() component.Interface {
	return noTerminal("terminal-stdin", "terminal-input")
}

func cliTerminalStdout() component.Interface {
	return noTerminal("terminal-stdout", "terminal-output")
}

func cliTerminalStderr() component.Interface {
	return noTerminal("terminal-stderr", "terminal-output")
}

func noTerminal(name, of string) component.Interface {
	return component.Interface{
		Name: "wasi:cli/" + name, Version: version,
		Types: "use wasi:cli/" + of + ".{" + of + "};",
		Functions: []component.Function{
			function("get-"+name, "func() -> option<"+of+">", func(c call) { c.Results.None() }),
		},
	}
}
