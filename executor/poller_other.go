//go:build !unix

package executor

// poller does without where the poller cannot be reached. See breather.
type poller struct{}

func (*poller) open() error { return nil }
func (*poller) close()      {}
func (*poller) poll() bool  { return false }
