// Package meter rewrites WebAssembly modules so that a host can bound what
// they use: time, by a fuel counter; stack, by a counter of bytes left; and
// table space, by declared maximums.
//
// It is a pure function of bytes to bytes. Nothing in it blocks, keeps state
// or starts a goroutine; calls may run at the same time.
//
// # What a rewritten module does
//
// It exports two mutable i64 globals and imports two functions from
// [HostModule]:
//
//   - [FuelGlobal] counts down, about one unit per machine instruction. Every
//     loop and every cycle of calls passes a check that calls [YieldFunction] when the
//     counter is below zero. The host sets the counter to the next quantum
//     there, or ends the guest.
//   - [StackGlobal] counts down by an upper bound of a function's stack frame
//     while that function is active. A function that takes it below zero calls
//     [GrowStackFunction], where the host adds to the counter or ends the
//     guest. Real use never exceeds what was granted by more than [RedZone].
//
// A large frame is a global of its own, see [FrameGlobal], for its bound is many times what it is, and the host
// can tell from the machine code.
//
// Both counters start at zero.
//
// It writes no data and runs no code when it is instantiated: that is left to the host, which can do it in
// pieces. See [Info].Data and [StartFunction].
//
// Apart from that a rewritten module computes what the original computes; it
// has the original's imports, exports and traps. It has none of its custom sections; the
// names of functions are in the [Info]. Types and passive element segments that nothing
// refers to are empty. Only table.grow beyond
// [Limits].TableGrowth fails where it might have succeeded.
package meter
