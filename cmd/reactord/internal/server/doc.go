// Package server serves the API: it converts messages to the values of package reactor, calls it,
// and converts back. It decides nothing; what can be refused is refused by the reactor, but for a
// message that has no counterpart there.
//
// Errors become statuses in one place (errors.go). A handler that panics ends its call with
// INTERNAL and a line in the log, and nothing else.
//
// Handlers run on goroutines of gRPC, one for each call, which Stop waits for. They block where
// the reactor blocks and end with the call's context; a stream's sends are made on its handler's
// goroutine, so gRPC's flow control reaches what the reactor reads for it.
package server
