//go:build !unix

package driver

import "errors"

type duplicate struct{}

func newPoller(*Driver) (poller, error) { return nil, errors.ErrUnsupported }
