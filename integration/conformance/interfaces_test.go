package conformance

import (
	"github.com/reactord/reactord/hostcalls/component"
)

// testInterfaces are what Wasmtime's scripts have of their host.
func testInterfaces() []component.Interface {
	var drops, lastDrop uint32
	same := func(c *component.Call, a, b uint32) {
		if a != b {
			c.Trap("%d is not %d", a, b)
		}
	}
	return []component.Interface{{ // what is imported by itself
		Functions: []component.Function{
			{Name: "host-return-two", Type: "func() -> u32", Call: func(c *component.Call) { c.Results.U32(2) }},
		},
	}, {
		Name:      "host#nested",
		Functions: []component.Function{{Name: "return-four", Type: "func() -> u32", Call: func(c *component.Call) { c.Results.U32(4) }}},
	}, {
		Name:  "host",
		Types: "resource resource1; resource resource2; type resource1-again = resource1;",
		Resources: []component.Resource{
			{Name: "resource1", Drop: func(_ *component.Call, rep uint32) { drops, lastDrop = drops+1, rep }},
			{Name: "resource2", Drop: func(*component.Call, uint32) {}},
		},
		Functions: []component.Function{
			{Name: "return-three", Type: "func() -> u32", Call: func(c *component.Call) { c.Results.U32(3) }},
			{Name: "return-hi", Type: "func() -> string", Call: func(c *component.Call) { c.Results.String("hi") }},
			{Name: "[constructor]resource1", Type: "func(r: u32) -> own<resource1>", Call: func(c *component.Call) { c.Results.Own(c.Args.U32()) }},
			{Name: "[static]resource1.assert", Type: "func(r: own<resource1>, rep: u32)", Call: func(c *component.Call) { same(c, c.Args.Own(), c.Args.U32()) }},
			{Name: "[static]resource1.last-drop", Type: "func() -> u32", Call: func(c *component.Call) { c.Results.U32(lastDrop) }},
			{Name: "[static]resource1.drops", Type: "func() -> u32", Call: func(c *component.Call) { c.Results.U32(drops) }},
			{Name: "[method]resource1.simple", Type: "func(self: borrow<resource1>, rep: u32)", Call: func(c *component.Call) { same(c, c.Args.Borrow(), c.Args.U32()) }},
			{Name: "[method]resource1.take-borrow", Type: "func(self: borrow<resource1>, b: borrow<resource1>)", Call: func(c *component.Call) { c.Args.Borrow(); c.Args.Borrow() }},
			{Name: "[method]resource1.take-own", Type: "func(self: borrow<resource1>, b: own<resource1>)", Call: func(c *component.Call) { c.Args.Borrow(); c.Args.Own() }},
		},
	}}
}
