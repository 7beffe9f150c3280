//go:build !linux

package process

func resident(uint64) (now, peak uint64, ok bool) { return 0, 0, false }

func machine() (uint64, bool) { return 0, false }
