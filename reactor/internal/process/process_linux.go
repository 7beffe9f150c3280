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

// readResident reads /proc/self/status: VmRSS, VmHWM and RssShmem, in KiB (proc_pid_status(5)).
func readResident() (r resident, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return resident{}, false
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
			r.now, ok = kib<<10, true
		case "VmHWM":
			r.peak = kib << 10
		case "RssShmem":
			r.files = kib << 10
		}
	}
	return r, ok
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
