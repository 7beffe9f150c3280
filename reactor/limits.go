package reactor

import (
	"cmp"
	"fmt"
	"time"
)

// or fills in what is zero from other.
func (l Limits) or(other Limits) Limits {
	return Limits{
		MemoryBytes: cmp.Or(l.MemoryBytes, other.MemoryBytes),
		Fuel:        cmp.Or(l.Fuel, other.Fuel),
		Timeout:     cmp.Or(l.Timeout, other.Timeout),
		StackBytes:  cmp.Or(l.StackBytes, other.StackBytes),
		LogBytes:    cmp.Or(l.LogBytes, other.LogBytes),
		Descriptors: cmp.Or(l.Descriptors, other.Descriptors),
		PendingOps:  cmp.Or(l.PendingOps, other.PendingOps),
	}
}

// within lowers what is above the maximum to it. Fuel and Timeout are unbounded when zero, so a
// maximum of them is the default too.
func (l Limits) within(most Limits) Limits {
	return Limits{
		MemoryBytes: min(l.MemoryBytes, most.MemoryBytes),
		Fuel:        unlessZero(l.Fuel, most.Fuel),
		Timeout:     unlessZero(l.Timeout, most.Timeout),
		StackBytes:  min(l.StackBytes, most.StackBytes),
		LogBytes:    min(l.LogBytes, most.LogBytes),
		Descriptors: min(l.Descriptors, most.Descriptors),
		PendingOps:  min(l.PendingOps, most.PendingOps),
	}
}

// unlessZero is the lesser of two bounds of which zero is none.
func unlessZero[T cmp.Ordered](a, b T) T {
	var zero T
	if a == zero || b != zero && b < a {
		return b
	}
	return a
}

// excess is a limit above its maximum.
type excess struct {
	field          string // the field of Limits
	path           string // the field in the API
	value, maximum string
}

// above lists the limits that are above the maximum. A maximum of zero is none; it can only be so
// for Fuel and Timeout.
func (l Limits) above(most Limits) (over []excess) {
	check := func(field, path string, value, maximum uint64, show func(uint64) string) {
		if maximum != 0 && value > maximum {
			over = append(over, excess{field, path, show(value), show(maximum)})
		}
	}
	count := func(n uint64) string { return fmt.Sprint(n) }
	duration := func(n uint64) string { return time.Duration(n).String() }
	check("MemoryBytes", "memory_bytes", l.MemoryBytes, most.MemoryBytes, count)
	check("Fuel", "fuel", l.Fuel, most.Fuel, count)
	check("Timeout", "timeout", uint64(max(l.Timeout, 0)), uint64(most.Timeout), duration)
	check("StackBytes", "stack_bytes", l.StackBytes, most.StackBytes, count)
	check("LogBytes", "log_bytes", l.LogBytes, most.LogBytes, count)
	check("Descriptors", "descriptors", uint64(l.Descriptors), uint64(most.Descriptors), count)
	check("PendingOps", "pending_ops", uint64(l.PendingOps), uint64(most.PendingOps), count)
	return over
}
