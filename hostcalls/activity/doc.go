// Package activity describes what a component does: its calls in progress, what they wait for, the streams between its instances,
// and what holds calls back. A [Builder] counts what a reader of a component has found, within bounds whatever that is; [Activity]
// is the description.
//
// The package is pure. A Builder is used by one goroutine at a time.
package activity
