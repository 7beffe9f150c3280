//go:build !linux

package driver

import "time"

func currentThread() int { return 0 }

// threadTime is not known on this system: jobs are charged elapsed time.
func threadTime(int) (time.Duration, bool) { return 0, false }

func threadRunnable(int) bool { return false }
