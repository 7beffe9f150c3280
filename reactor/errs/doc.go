// Package errs has the errors that the reactor tells its clients about.
//
// Every error has a class, which is the stable reason of the API, and the details that let a
// client act: the fields that are not valid, the resource it is about, the time after which to
// try again. Classes are mapped to gRPC codes and details in one place, at the edge.
//
// An *Error is not changed after it was returned, so it may be shared between goroutines.
package errs
