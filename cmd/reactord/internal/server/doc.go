// Package server serves the API: it converts messages to the values of package api, calls the reactor, and
// converts back.
//
// The reactor decides what becomes of a request. This package decides only what belongs to the transport: the
// largest message of each method (server.go), how long a push may bring nothing (modules.go), how many records
// fit into one answer (page.go), and how much of an error fits into the trailers (clip.go). It also refuses
// messages that the reactor has no values for, such as an unknown kind of stream.
//
// Errors become gRPC statuses in one place (errors.go). A handler that panics ends its call with INTERNAL and a
// line in the log, and affects nothing else.
//
// Each call has its handler's goroutine, which Stop waits for. It blocks where the reactor blocks and ends with
// the call's context. A stream's messages are sent on its handler's goroutine, so gRPC's flow control slows down
// what the reactor reads for it.
package server
