// Package examples embeds the example guests that `reactord demo` runs.
package examples

import _ "embed"

// Sleeper is c-sleeper: it sleeps, polls and computes in turns, then prints a line.
//
//go:embed c-sleeper/sleeper.wasm
var Sleeper []byte

// Hog is c-hog: it computes for ever and never waits.
//
//go:embed c-hog/hog.wasm
var Hog []byte

// SleeperComponent is component-sleeper: a component of WASI 0.3 whose calls sleep without a stack.
//
//go:embed component-sleeper/sleeper.wasm
var SleeperComponent []byte

// CrowdComponent makes many calls of another component at once: it imports what SleeperComponent exports.
//
//go:embed component-sleeper/crowd.wasm
var CrowdComponent []byte
