// Golibrary exports a function that waits for ever: called from a snapshot, it is what a waiting Go program costs without
// its runtime's start.
package main

import "time"

//go:wasmexport hold
func hold() {
	for {
		time.Sleep(24 * time.Hour)
	}
}

func main() {}
