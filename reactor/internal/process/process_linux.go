package process

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// resident reads /proc/self/status: VmRSS and VmHWM, in KiB (proc_pid_status(5)).
func resident() (now, peak uint64, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, false
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "VmRSS":
			now, ok = kib<<10, true
		case "VmHWM":
			peak = kib << 10
		}
	}
	return now, peak, ok
}

// machine is the least of the machine's memory and what each control group above the process
// allows.
func machine() (uint64, bool) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, false
	}
	least := uint64(info.Totalram) * uint64(info.Unit) //nolint:unconvert // Totalram is 32 bits wide on some platforms
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return least, true
	}
	for line := range strings.Lines(string(groups)) {
		least = min(least, groupLimit(strings.TrimSpace(line)))
	}
	return least, true
}

// groupLimit reads the limits of a line of /proc/self/cgroup, "ID:CONTROLLERS:PATH" (cgroups(7)):
// memory.max in version 2, memory.limit_in_bytes in version 1, of the group and of those above it.
func groupLimit(line string) uint64 {
	parts := strings.SplitN(line, ":", 3)
	if len(parts) != 3 {
		return math.MaxUint64
	}
	root, file := "/sys/fs/cgroup", "memory.max"
	switch controllers := strings.Split(parts[1], ","); {
	case parts[1] == "":
	case slices.Contains(controllers, "memory"):
		root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	default:
		return math.MaxUint64
	}
	least := uint64(math.MaxUint64)
	for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
		least = min(least, readLimit(path.Join(root, dir, file)))
		if dir == "/" {
			return least
		}
	}
}

// readLimit reads a limit file: a number, or "max".
func readLimit(name string) uint64 {
	b, err := os.ReadFile(name)
	if err != nil {
		return math.MaxUint64
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n == 0 {
		return math.MaxUint64
	}
	return n
}
