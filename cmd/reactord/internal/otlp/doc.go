// Package otlp has what all have in common that send to a collector of OpenTelemetry: what the standard OTEL_ variables ask for
// ([Parse]), what the daemon is called there ([Resource]), a [Gate] that bounds what waits to be sent, [Losses], which count
// what was not, and [Hear], which has the daemon's log told of OpenTelemetry's own.
//
// The variables themselves are read by OpenTelemetry's own packages, which take what they do not understand for what is not given, and
// some values at their word that no machine has room for. Parse finds such values before, so that the daemon does not start with them.
//
// # Concurrency
//
// The methods of a Gate and of Losses may be called from any goroutine, and do not block; one thing is sent at a time.
package otlp
