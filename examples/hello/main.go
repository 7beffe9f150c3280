// Hello greets its arguments, or the world, and says what its clock and environment tell it.
//
//	reactorctl run ./examples/hello Ada Grace
package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	who := "world"
	if len(os.Args) > 1 {
		who = strings.Join(os.Args[1:], " and ")
	}
	fmt.Printf("Hello, %s!\n", who)
	start := time.Now()
	time.Sleep(50 * time.Millisecond)
	fmt.Fprintf(os.Stderr, "slept %v, with %d environment variables\n", time.Since(start).Round(time.Millisecond), len(os.Environ()))
}
