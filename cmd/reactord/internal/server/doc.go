// Package server serves the API: it converts messages to the values of package api, calls the reactor,
// and converts back. What becomes of a request is the reactor's to decide. Decided here is what the
// transport asks for: how large a message of each method may be (server.go), how long a push may bring
// nothing (modules.go), how many records fit into one answer (page.go), and how much of an error fits into
// the trailers (clip.go). A message that has no counterpart in the reactor, such as a stream of no
// known kind, is refused here too.
//
// Errors become statuses in one place (errors.go). A handler that panics ends its call with
// INTERNAL and a line in the log, and nothing else.
//
// Handlers run on goroutines of gRPC, one for each call, which Stop waits for. They block where
// the reactor blocks and end with the call's context; a stream's sends are made on its handler's
// goroutine, so gRPC's flow control reaches what the reactor reads for it.
package server
