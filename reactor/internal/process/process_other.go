//go:build !linux

package process

func resident() (now, peak uint64, ok bool) { return 0, 0, false }

func machine() (uint64, bool) { return 0, false }
