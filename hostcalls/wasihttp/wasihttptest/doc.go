// Package wasihttptest serves HTTP by one instance of a component, for tests of what is between the two. Nothing of it is bounded.
//
// A Service may be used from any goroutine; its store runs on a task of its own.
package wasihttptest
