// Package refusal makes the errors that clients get for what the parts of the daemon say: what is not there,
// what is full, what can't be done now and when to try again. An error that is made elsewhere is about one
// request alone.
//
// All of it is pure, and may be called from any goroutine.
package refusal
