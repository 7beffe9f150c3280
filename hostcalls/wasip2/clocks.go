package wasip2

import (
	"time"

	"github.com/reactord/reactord/hostcalls/component"
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
			function("now", "func() -> instant", func(c call) { c.Results.U64(uint64(time.Since(c.started) + 1)) }),
			function("resolution", "func() -> duration", func(c call) { c.Results.U64(1) }),
			function("subscribe-instant", "func(when: instant) -> pollable", func(c call) {
				c.subscribeTime(c.started.Add(-1), c.Args.U64())
			}),
			function("subscribe-duration", "func(when: duration) -> pollable", func(c call) {
				c.subscribeTime(time.Now(), c.Args.U64())
			}),
		},
	}
}

// maxWait bounds waits, to a hundred years.
const maxWait = 100 * 365 * 24 * time.Hour

// subscribeTime gives the component a pollable of a time. The clock is never zero, which some programs take for a missing
// clock: it is one when the store begins.
func (c call) subscribeTime(from time.Time, nanoseconds uint64) {
	due := from.Add(time.Duration(min(nanoseconds, uint64(maxWait))))
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
