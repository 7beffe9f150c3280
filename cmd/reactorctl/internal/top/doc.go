// Package top is the model of `reactorctl top`: what was read of a node, what of it is looked at, and how it looks.
//
// A Model is a plain value that changes by what was read and by keys, and is drawn as lines of any size. It knows neither
// the terminal nor the daemon, and is for one goroutine at a time.
package top
