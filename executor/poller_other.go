//go:build !unix

package executor

// poller does nothing on systems where the runtime's poller cannot be reached. See yielder.
type poller struct{}

func (*poller) open() error { return nil }
func (*poller) close()      {}
func (*poller) poll() bool  { return false }
