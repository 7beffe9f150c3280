//go:build !unix

package driver

import (
	"errors"
	"os"
	"syscall"
)

func duplicate(syscall.Conn) (*os.File, error) { return nil, errors.ErrUnsupported }

func poll(uintptr, direction) bool { return true }
