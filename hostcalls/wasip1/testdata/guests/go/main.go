// Command go is a guest that does what its first argument says.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

func main() {
	modes := map[string]func() error{
		"sleep": sleep, "upper": upper, "serve": serve, "talk": talk,
		"fill": fill, "spin": spin, "environment": environment,
	}
	if err := modes[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// sleep sleeps in many goroutines at once, which end in the order of their sleeps.
func sleep() error {
	begin := time.Now()
	ended := make(chan int)
	for i := range 5 {
		go func() {
			time.Sleep(time.Duration(5-i) * time.Hour)
			ended <- i
		}()
	}
	for range 5 {
		fmt.Println(<-ended, time.Since(begin).Round(time.Minute))
	}
	return nil
}

// upper copies its input, in upper case, while another goroutine ticks.
func upper() error {
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	go func() {
		for range ticks.C {
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(strings.ToUpper(lines.Text()))
	}
	return lines.Err()
}

// serve echoes what it gets on each connection to descriptor 3, until one says quit.
func serve() error {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	var served sync.WaitGroup
	defer served.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return nil // closed
		}
		served.Go(func() {
			defer c.Close()
			lines := bufio.NewScanner(c)
			for lines.Scan() {
				if lines.Text() == "quit" {
					_ = l.Close()
					return
				}
				fmt.Fprintf(c, "echo %s\n", lines.Text())
			}
		})
	}
}

// talk sends a line on the connection that is descriptor 3, and prints what comes back.
func talk() error {
	c, err := net.FileConn(os.NewFile(3, "connection"))
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintln(c, "hello from the guest")
	_, err = io.Copy(os.Stdout, c)
	return err
}

// fill writes eight megabytes, more than any pipe holds.
func fill() error {
	block := strings.Repeat("0123456789abcdef", 4096)
	for range 128 {
		if _, err := os.Stdout.WriteString(block); err != nil {
			return err
		}
	}
	return nil
}

// spin computes for ever.
func spin() error {
	fmt.Println("spinning")
	for i := uint64(0); ; i++ {
		if i == ^uint64(0) {
			return nil
		}
	}
}

// environment prints what the guest can see of the world.
func environment() error {
	random := make([]byte, 100_000)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	_, err := os.ReadDir("/")
	fmt.Println(os.Args[2:], os.Getenv("NAME"), err != nil)
	os.Exit(7)
	return nil
}
