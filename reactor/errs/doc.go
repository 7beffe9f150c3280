// Package errs defines the errors that the reactor returns to clients.
//
// Every error has a class, which is the stable reason in the API, and details that let a client act: the invalid
// fields, the resource it is about, the time after which to try again. Classes are mapped to gRPC codes and details in
// one place, at the edge.
//
// An *Error is never changed after it was returned, so goroutines may share it.
package errs
