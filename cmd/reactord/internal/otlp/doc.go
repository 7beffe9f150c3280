// Package otlp has what all have in common that send to a collector of OpenTelemetry: what the standard OTEL_ variables ask for
// ([Parse]), what the daemon is called there ([Resource]), a [Gate] that bounds what waits to be sent, and [Losses], which count
// what was not.
//
// The variables themselves are read by OpenTelemetry's own packages, which take what they do not understand for what is not given.
// Parse finds such values before, so that the daemon does not start with them.
//
// # Concurrency
//
// The methods of a Gate and of Losses may be called from any goroutine, and do not block.
package otlp
