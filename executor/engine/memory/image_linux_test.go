package memory

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestImageBeyondFileSize: where files may not be as large as an image, there is none, and the process goes on.
func TestImageBeyondFileSize(t *testing.T) {
	const inside = "IMAGE_BEYOND_FILE_SIZE"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImageBeyondFileSize$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	limit := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, 0)
	segments := []Segment{{0, bytes.Repeat([]byte{1}, 1<<20)}}
	m, rest, err := p.NewImage(segments)
	if err == nil || m != nil || len(rest) != 1 || p.Images() != 0 {
		t.Errorf("%v, %d segments left, images of %d bytes, %v", m, len(rest), p.Images(), err)
	}
}

// TestImageIsNotInherited: a process that is started does not get the file of an image.
func TestImageIsNotInherited(t *testing.T) {
	p := newPool(t, 0)
	newImage(t, p, 0, 1<<20)
	out, err := exec.CommandContext(t.Context(), "ls", "-l", "/proc/self/fd").CombinedOutput()
	if err != nil || strings.Contains(string(out), "image") {
		t.Errorf("%v\n%s", err, out)
	}
}
