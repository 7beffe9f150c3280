package wasip2

import (
	"time"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func clocksMonotonicClock() component.Interface {
	return component.Interface{
		Name: "wasi:clocks/monotonic-clock", Version: version,
		Types: `
			use wasi:io/poll.{pollable};
			type instant = u64;
			type duration = u64;
		`,
		Functions: []component.Function{
			function("now", "func() -> instant", func(c call) { c.Results.U64(c.Now()) }),
			function("resolution", "func() -> duration", func(c call) { c.Results.U64(1) }),
			function("subscribe-instant", "func(when: instant) -> pollable", func(c call) {
				c.subscribeTime(c.At(c.Args.U64()))
			}),
			function("subscribe-duration", "func(when: duration) -> pollable", func(c call) {
				c.subscribeTime(wasi.After(c.Args.U64()))
			}),
		},
	}
}

// subscribeTime gives the component a pollable of a time.
func (c call) subscribeTime(due time.Time) {
	c.Results.Own(give(c, &c.pollables, &pollable{due: due}, nil))
}

func clocksWallClock() component.Interface {
	return component.Interface{
		Name: "wasi:clocks/wall-clock", Version: version,
		Types: `record datetime { seconds: u64, nanoseconds: u32 }`,
		Functions: []component.Function{
			function("now", "func() -> datetime", func(c call) {
				putTime(&c.Results, time.Now())
			}),
			function("resolution", "func() -> datetime", func(c call) {
				putTime(&c.Results, time.Unix(0, 1))
			}),
		},
	}
}
