package vfs

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// mountPoints returns the device of each mount point. See proc_pid_mountinfo(5): the third field is major:minor,
// the fifth the mount point, in which spaces and some other characters are octal escapes.
func mountPoints() map[string]uint64 {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	points := map[string]uint64{}
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if len(fields) < 5 {
			continue
		}
		major, minor, _ := bytes.Cut(fields[2], []byte{':'})
		a, err1 := strconv.ParseUint(string(major), 10, 32)
		b, err2 := strconv.ParseUint(string(minor), 10, 32)
		if err1 == nil && err2 == nil {
			points[unescape(string(fields[4]))] = unix.Mkdev(uint32(a), uint32(b))
		}
	}
	return points
}

// unescape replaces octal escapes such as \040 by their bytes.
func unescape(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
