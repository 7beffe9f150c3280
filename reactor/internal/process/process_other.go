//go:build !linux

package process

func readResident() (r resident, ok bool) { return resident{}, false }

func machine() (uint64, bool) { return 0, false }
