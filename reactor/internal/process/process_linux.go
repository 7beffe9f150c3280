package process

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"golang.org/x/sys/unix"
)

// resident reads /proc/self/status: VmRSS, VmHWM and RssShmem, in KiB (proc_pid_status(5)).
func resident(files uint64) (now, peak uint64, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, false
	}
	var mapped uint64 // pages of files in memory, each as often as it is mapped
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
		case "RssShmem":
			mapped = kib << 10
		}
	}
	now = now - min(mapped, now) + files
	return now, max(now, peak-min(mapped, peak)), ok
}

// machine returns the least of the machine's memory and the limits of the control groups above the process.
func machine() (uint64, bool) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, false
	}
	least := uint64(info.Totalram) * uint64(info.Unit) //nolint:unconvert // Totalram is 32 bits wide on some platforms
	if limit, err := memlimit.FromCgroup(); err == nil {
		least = min(least, limit)
	}
	return least, true
}
