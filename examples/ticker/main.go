// Ticker runs three goroutines that sleep at different rates. While all of them sleep the guest is
// parked and costs no CPU: see `reactorctl ops` while it runs.
//
//	reactorctl run ./examples/ticker
package main

import (
	"fmt"
	"sync"
	"time"
)

func main() {
	var wg sync.WaitGroup
	for i, interval := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second} {
		wg.Go(func() {
			for n := range 4 {
				time.Sleep(interval)
				fmt.Printf("ticker %d: tick %d after %v\n", i+1, n+1, interval)
			}
		})
	}
	wg.Wait()
}
