package hush

import (
	"io"
	"log"
)

var output = begin()

// begin silences the log, and returns where it wrote to.
func begin() io.Writer {
	w := log.Writer()
	log.SetOutput(io.Discard)
	return w
}

// End has the log write to where it wrote before.
func End() { log.SetOutput(output) }
