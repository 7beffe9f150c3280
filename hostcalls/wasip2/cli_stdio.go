package wasip2

import (
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
)

func cliStdin() component.Interface {
	return component.Interface{
		Name: "wasi:cli/stdin", Version: version,
		Types: `use wasi:io/streams.{input-stream};`,
		Functions: []component.Function{function("get-stdin", "func() -> input-stream", func(c call) {
			c.Results.Own(give(c, &c.inputs, &inputStream{from: standardInput{c.host}}, nil))
		})},
	}
}

func cliStdout() component.Interface {
	return component.Interface{
		Name: "wasi:cli/stdout", Version: version,
		Types: `use wasi:io/streams.{output-stream};`,
		Functions: []component.Function{function("get-stdout", "func() -> output-stream", func(c call) {
			c.Results.Own(give(c, &c.outputs, &outputStream{to: standardOutput{&c.Stdout, hostcalls.Stdout}}, nil))
		})},
	}
}

func cliStderr() component.Interface {
	return component.Interface{
		Name: "wasi:cli/stderr", Version: version,
		Types: `use wasi:io/streams.{output-stream};`,
		Functions: []component.Function{function("get-stderr", "func() -> output-stream", func(c call) {
			c.Results.Own(give(c, &c.outputs, &outputStream{to: standardOutput{&c.Stderr, hostcalls.Stderr}}, nil))
		})},
	}
}
