// Package reason tells the reasons of the daemon's errors as values of the API's enum, so that a misspelt one does not
// compile. Its functions are pure.
package reason
