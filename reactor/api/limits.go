package api

import "cmp"

// Or returns l with its zero fields filled in from other.
func (l Limits) Or(other Limits) Limits {
	return Limits{
		MemoryBytes: cmp.Or(l.MemoryBytes, other.MemoryBytes),
		Fuel:        cmp.Or(l.Fuel, other.Fuel),
		Timeout:     cmp.Or(l.Timeout, other.Timeout),
		StackBytes:  cmp.Or(l.StackBytes, other.StackBytes),
		LogBytes:    cmp.Or(l.LogBytes, other.LogBytes),
		Descriptors: cmp.Or(l.Descriptors, other.Descriptors),
		PendingOps:  cmp.Or(l.PendingOps, other.PendingOps),
		Connections: cmp.Or(l.Connections, other.Connections),

		SentBytes:      cmp.Or(l.SentBytes, other.SentBytes),
		ReceivedBytes:  cmp.Or(l.ReceivedBytes, other.ReceivedBytes),
		BytesPerSecond: cmp.Or(l.BytesPerSecond, other.BytesPerSecond),
	}
}

// Within lowers the limits that are above their maximum. Zero is no bound for Fuel, Timeout and
// the bytes sent and received, so it becomes the maximum.
func (l Limits) Within(most Limits) Limits {
	return Limits{
		MemoryBytes: min(l.MemoryBytes, most.MemoryBytes),
		Fuel:        unlessZero(l.Fuel, most.Fuel),
		Timeout:     unlessZero(l.Timeout, most.Timeout),
		StackBytes:  min(l.StackBytes, most.StackBytes),
		LogBytes:    min(l.LogBytes, most.LogBytes),
		Descriptors: min(l.Descriptors, most.Descriptors),
		PendingOps:  min(l.PendingOps, most.PendingOps),
		Connections: min(l.Connections, most.Connections),

		SentBytes:      unlessZero(l.SentBytes, most.SentBytes),
		ReceivedBytes:  unlessZero(l.ReceivedBytes, most.ReceivedBytes),
		BytesPerSecond: unlessZero(l.BytesPerSecond, most.BytesPerSecond),
	}
}

// unlessZero returns the lesser of two bounds of which zero means none.
func unlessZero[T cmp.Ordered](a, b T) T {
	var zero T
	if a == zero || b != zero && b < a {
		return b
	}
	return a
}
