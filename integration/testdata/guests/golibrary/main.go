// Command golibrary is a library in Go whose snapshots are made.
package main

import (
	"fmt"
	"strconv"
	"time"
)

var (
	words = map[string]int{}
	made  int
	calls int
)

func init() {
	made++
	for i := range 20_000 {
		words["word "+strconv.Itoa(i)] = i
	}
	fmt.Println("initialized")
}

// find looks a word up, after it has waited in a goroutine and for one.
//
//go:wasmexport find
func find(i int32) int32 {
	calls++
	found := make(chan int)
	go func() {
		time.Sleep(time.Millisecond)
		found <- words["word "+strconv.Itoa(int(i))]
	}()
	fmt.Printf("made %d, call %d, %d words\n", made, calls, len(words))
	return int32(<-found)
}

// hold waits until the workload is cancelled.
//
//go:wasmexport hold
func hold() { time.Sleep(time.Hour) }

func main() {}
