package bench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// memory is what a process occupies, in bytes.
type memory struct {
	resident   uint64
	guests     uint64 // of that, the arenas of linear memory
	pageTables uint64
}

// arenaSize tells an arena of linear memory from the rest: the Go runtime maps its heap in pieces
// of 64 MiB, and nothing else is nearly as large.
const arenaSize = 1 << 30

// readMemory reads what a process occupies. The arenas are told by their size, since they have no
// name: an anonymous mapping of a gigabyte or more.
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
	arena := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch name {
		case "Size":
			arena = kibibytes(b, value) >= arenaSize
		case "Rss":
			if arena {
				m.guests += kibibytes(b, value)
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
