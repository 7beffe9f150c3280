package intake

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/reactor/api"
)

// Excess is a limit above its maximum.
type Excess struct {
	Field          string // the field of Limits
	Path           string // the field in the API
	Value, Maximum string
}

// Excesses lists the limits that are above their maximum. A maximum of zero, which only Fuel, Timeout and the
// bytes sent and received can have, is no maximum.
func Excesses(l, most api.Limits) (over []Excess) {
	check := func(field, path string, value, maximum uint64, show func(uint64) string) {
		if maximum != 0 && value > maximum {
			over = append(over, Excess{field, path, show(value), show(maximum)})
		}
	}
	count := func(n uint64) string { return fmt.Sprint(n) }
	bytes := func(n uint64) string { return fmt.Sprintf("%d (%s)", n, humanize.IBytes(n)) }
	duration := func(n uint64) string { return time.Duration(n).String() }
	check("MemoryBytes", "memory_bytes", l.MemoryBytes, most.MemoryBytes, bytes)
	check("Fuel", "fuel", l.Fuel, most.Fuel, count)
	check("Timeout", "timeout", uint64(max(l.Timeout, 0)), uint64(most.Timeout), duration)
	check("StackBytes", "stack_bytes", l.StackBytes, most.StackBytes, bytes)
	check("LogBytes", "log_bytes", l.LogBytes, most.LogBytes, bytes)
	check("Descriptors", "descriptors", uint64(l.Descriptors), uint64(most.Descriptors), count)
	check("PendingOps", "pending_ops", uint64(l.PendingOps), uint64(most.PendingOps), count)
	check("Connections", "connections", uint64(l.Connections), uint64(most.Connections), count)
	check("SentBytes", "sent_bytes", l.SentBytes, most.SentBytes, bytes)
	check("ReceivedBytes", "received_bytes", l.ReceivedBytes, most.ReceivedBytes, bytes)
	check("BytesPerSecond", "bytes_per_second", l.BytesPerSecond, most.BytesPerSecond, bytes)
	return over
}
