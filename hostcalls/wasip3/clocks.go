package wasip3

import (
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func clocksTypes() component.Interface {
	return component.Interface{Name: "wasi:clocks/types", Version: version, Types: `type duration = u64;`}
}

func clocksMonotonicClock() component.Interface {
	return component.Interface{
		Name: "wasi:clocks/monotonic-clock", Version: version,
		Types: `
			use wasi:clocks/types.{duration};
			type mark = u64;
		`,
		Functions: []component.Function{
			function("now", "func() -> mark", func(c call) { c.Results.U64(c.Now()) }),
			function("get-resolution", "func() -> duration", func(c call) { c.Results.U64(1) }),
			later("wait-until", "async func(when: mark)", func(c call) { c.sleep(c.At(c.Args.U64())) }),
			later("wait-for", "async func(how-long: duration)", func(c call) { c.sleep(wasi.After(c.Args.U64())) }),
		},
	}
}

// sleeper is a call that waits for a time.
type sleeper struct {
	component.Operation
	timer driver.Timer
}

// sleep makes the call end when it is due.
func (c call) sleep(due time.Time) {
	if !due.After(time.Now()) {
		return
	}
	c.hold(wasi.ObjectBytes, "another timer")
	d, store := c.Waits().Guest().Driver(), c.store
	s := &sleeper{}
	s.Op = hostcalls.Op{Kind: hostcalls.OpTimer, Deadline: due}
	s.Finish = func(*component.Call) { store.Free(wasi.ObjectBytes) }
	s.Cancel = func() {
		d.Stop(&s.timer)
		store.Free(wasi.ObjectBytes)
	}
	s.timer.Init(s.DoneDue)
	c.Later(&s.Operation)
	d.Start(&s.timer, due)
}

func clocksSystemClock() component.Interface {
	return component.Interface{
		Name: "wasi:clocks/system-clock", Version: version,
		Types: `
			use wasi:clocks/types.{duration};
			record instant { seconds: s64, nanoseconds: u32 }
		`,
		Functions: []component.Function{
			function("now", "func() -> instant", func(c call) { putTime(&c.Results, time.Now()) }),
			function("get-resolution", "func() -> duration", func(c call) { c.Results.U64(1) }),
		},
	}
}

// putTime writes an instant.
func putTime(w *cabi.Writer, t time.Time) {
	out := w.Record()
	out.S64(t.Unix())
	out.U32(uint32(t.Nanosecond()))
}
