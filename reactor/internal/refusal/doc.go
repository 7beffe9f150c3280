// Package refusal makes errors for clients that concern more than one request: what does not exist, what is full, what
// can't be done now and when to try again. An error about one request alone is made where it is found.
//
// Everything is pure, and may be called from any goroutine.
package refusal
