package bench

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// memory is what a process occupies, in bytes.
type memory struct {
	resident   uint64
	guests     uint64 // of that, the arenas of linear memory
	pageTables uint64
}

// arenaSize and the flag "nr" (no swap space reserved) tell an arena of linear memory from the rest:
// the Go heap can be as large, but reserves.
const arenaSize = 1 << 30

// readMemory reads what a process occupies.
func readMemory(b *testing.B, pid int) memory {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	var m memory
	for line := range strings.Lines(string(status)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			m.resident = kibibytes(b, value)
		case "VmPTE":
			m.pageTables = kibibytes(b, value)
		}
	}
	smaps, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		b.Fatal(err)
	}
	defer smaps.Close()
	var size, resident uint64
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch name {
		case "Size":
			size = kibibytes(b, value)
		case "Rss":
			resident = kibibytes(b, value)
		case "VmFlags": // the last line of a mapping
			if size >= arenaSize && slices.Contains(strings.Fields(value), "nr") {
				m.guests += resident
			}
		}
	}
	return m
}

func kibibytes(b *testing.B, text string) uint64 {
	b.Helper()
	n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

// processCPU returns the time that a process has spent in user and kernel mode, to 10 ms (proc_pid_stat(5)). It changes
// less from run to run than a rate does on a machine that others use.
func processCPU(b *testing.B, pid int) time.Duration {
	b.Helper()
	used, err := processTime(pid)
	if err != nil {
		b.Fatal(err)
	}
	return used
}

func processTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, fields, _ := strings.Cut(string(stat), ") ") // the name before it may have spaces
	var ticks int64
	for _, field := range strings.Fields(fields)[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
