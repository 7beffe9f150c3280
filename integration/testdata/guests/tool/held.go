package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
)

// held uses what was granted, again and again, until that is refused: it reads a descriptor ("read FD"), writes to one while
// it computes ("spin FD"), or lists a folder ("list PATH"). It says when it has begun, and prints the error that ends it.
func held(args []string) error {
	use, err := using(args[0], args[1])
	if err != nil {
		return err
	}
	for begun := false; ; begun = true {
		if err = use(); err != nil {
			break
		}
		if !begun {
			fmt.Println("begun")
		}
	}
	fmt.Println("ended:", err)
	if !errors.Is(err, syscall.ENOTCAPABLE) {
		return err
	}
	return nil
}

func using(what, which string) (use func() error, err error) {
	if what == "list" {
		return func() error { _, err := os.ReadDir(which); return err }, nil
	}
	fd, err := strconv.Atoi(which)
	if err != nil {
		return nil, err
	}
	file, one := os.NewFile(uintptr(fd), which), make([]byte, 1)
	if what == "read" {
		return func() error { _, err := io.ReadFull(file, one); return err }, nil
	}
	return func() error {
		for i := range 1_000_000 { // to compute
			one[0] ^= byte(i)
		}
		_, err := file.Write(one)
		return err
	}, nil
}
