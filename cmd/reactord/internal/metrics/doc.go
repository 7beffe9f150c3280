// Package metrics serves the daemon's figures to Prometheus.
//
// Most of them are read when they are asked for: the reactor and the server count them anyway, so a daemon whose page nobody
// reads does no more work for them. The others are counted as it happens ([Metrics.Hooks], [Metrics.OnCommit],
// [Metrics.OnCall]), each with one update of a counter.
//
// No label has a text that a client or a guest chose, so the number of series is bounded: it follows from the methods, the
// reasons and the kinds that the API has.
//
// All methods may be called from any goroutine, and those that count never block. A page costs the same however many guests
// there are, takes the reactor's locks for microseconds, and few are made at a time; a [Server] bounds its connections, too.
package metrics
