// Gosleeper waits for ever: it is what a waiting Go program costs at least.
package main

import "time"

func main() {
	for {
		time.Sleep(24 * time.Hour)
	}
}
