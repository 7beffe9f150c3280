package wasip3_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
)

// folderGrant is a grant of a folder.
type folderGrant capability.Folder

func (folderGrant) String() string                   { return "a folder" }
func (folderGrant) Handle() capability.Handle        { return capability.FolderHandle }
func (g folderGrant) Open(o capability.Opener) error { return o.OpenFolder(capability.Folder(g)) }

// withFolder grants a new folder, which it returns.
func (r *rig) withFolder() string {
	r.t.Helper()
	folder := r.t.TempDir()
	r.config.Grants, r.config.Leases = []capability.Grant{folderGrant{HostPath: folder, GuestPath: "/"}}, []*lease.Lease{r.by}
	return folder
}

// TestFileStreams: whatever a program drops of the streams of a file, and when, the bytes that they have taken are written, and the
// outcome is that of the last of them.
func TestFileStreams(t *testing.T) {
	n := newNode(t)
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name  string
		steps []string
		want  []string
		left  string // in the file
	}{
		{"write", []string{"store 0", "write text", "write more", "drop writer", "filed"}, []string{"write: ok", "write: ok", "filed: ok"}, "textmore"},
		{"write at an offset", []string{"store 2", "write text", "drop writer", "filed", "store 0", "write __", "drop writer", "filed"},
			[]string{"write: ok", "filed: ok", "write: ok", "filed: ok"}, "__text"},
		{"append", []string{"append", "write text", "write more", "drop writer", "filed"}, []string{"write: ok", "write: ok", "filed: ok"}, "textmore"},
		{"the file is dropped", []string{"store 0", "drop file", "write text", "drop writer", "filed"}, []string{"write: ok", "filed: ok"}, "text"},
		{"the future is dropped", []string{"store 0", "drop filed", "write text", "drop writer"}, []string{"write: ok"}, "text"},
		{"nothing is dropped", []string{"append", "write text"}, []string{"write: ok"}, "text"},
		{"nothing is written", []string{"store 0", "drop writer", "filed"}, []string{"filed: ok"}, ""},
		{"many bytes", []string{"store 0", "write " + long, "drop writer", "filed"}, []string{"write: ok", "filed: ok"}, long},
		{"read", []string{"store 0", "write text", "drop writer", "filed", "load 1", "read 2", "read 9", "read 9", "filed"},
			[]string{"write: ok", "filed: ok", "read: ex", "read: t", "read: end", "filed: ok"}, "text"},
		{"a reader is dropped", []string{"load 0", "drop reader", "filed"}, []string{"filed: ok"}, ""},
		{"a read is not awaited", []string{"load 0", "drop filed", "drop file", "drop reader"}, nil, ""},
		{"at no offset", []string{"store -1", "filed", "load -1", "filed", "read 9"}, []string{"filed: invalid", "filed: invalid", "read: end"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			folder := r.withFolder()
			p := r.start(append([]string{"open f"}, tt.steps...)...)
			p.says("open: ok")
			p.says(tt.want...)
			p.ends()
			if got, err := os.ReadFile(filepath.Join(folder, "f")); err != nil || string(got) != tt.left {
				t.Errorf("the file has %d bytes, %.20q, %v", len(got), got, err)
			}
		})
	}
}

// TestFileRevoked: the streams of a file whose grant is revoked end so.
func TestFileRevoked(t *testing.T) {
	r := newNode(t).rig(t)
	folder := r.withFolder()
	input := hostcalls.NewPipe(10)
	r.config.Stdin = input.Reader()
	p := r.start("open f", "store 0", "write text", "input", "read 1", "write more", "drop writer", "filed", "load 0", "filed", "store 0", "filed",
		"open f")
	p.says("open: ok", "write: ok")
	p.waits(hostcalls.OpRead)
	for text := ""; text != "text"; time.Sleep(time.Millisecond) {
		b, _ := os.ReadFile(filepath.Join(folder, "f"))
		text = string(b)
	}
	r.by.Revoke()
	_, _ = input.Writer().Write([]byte("x"))
	p.says("read: x", "write: ok", "filed: not-permitted", "filed: not-permitted", "filed: not-permitted", "open: not-permitted")
	p.ends()
}

// TestRevokeEndsFileOp: what waits for the disk, which hangs, is told that its grant was revoked.
func TestRevokeEndsFileOp(t *testing.T) {
	n := newNode(t)
	r := n.rig(t)
	folder := r.withFolder()
	input := hostcalls.NewPipe(10)
	r.config.Stdin = input.Reader()
	p := r.start("open f", "input", "read 1", "open g")
	p.says("open: ok")
	p.waits(hostcalls.OpRead)
	const threads = 64 // of the pool
	begun, release := make(chan struct{}, threads), make(chan struct{})
	for i := range threads {
		n.executor.Driver().Go(driver.Job{
			Tenant: fmt.Sprint(i), Owner: fmt.Sprint(i), Lane: driver.Lane{ID: uint64(i)},
			Run: func() { begun <- struct{}{}; <-release },
		})
	}
	for range threads {
		<-begun
	}
	_, _ = input.Writer().Write([]byte("x"))
	p.says("read: x")
	p.waits(hostcalls.OpFile)
	r.by.Revoke()
	p.says("open: not-permitted")
	close(release)
	p.ends()
	if _, err := os.Stat(filepath.Join(folder, "g")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

// TestInput: several streams of the standard input share it, and each tells its end.
func TestInput(t *testing.T) {
	r := newNode(t).rig(t)
	input := hostcalls.NewPipe(10)
	r.config.Stdin = input.Reader()
	p := r.start("input", "read 2", "within 20 read 2", "drop reader", "ended", "input", "read 9", "read 9", "ended")
	if at := p.waits(hostcalls.OpRead); at != hostcalls.Stdin {
		t.Errorf("it waits for %q", at)
	}
	_, _ = input.Writer().Write([]byte("ab"))
	p.says("read: ab", "read: cancelled", "ended: ok")
	if at := p.waits(hostcalls.OpRead); at != hostcalls.Stdin {
		t.Errorf("it waits for %q", at)
	}
	_, _ = input.Writer().Write([]byte("cd"))
	input.CloseWrite()
	p.says("read: cd", "read: end", "ended: ok")
	p.ends()
}

// TestShortOfMemory: wherever a program runs out of memory when it opens a stream of a file, it ends so, and nothing is left open.
func TestShortOfMemory(t *testing.T) {
	n := newNode(t)
	for _, step := range []string{"load 0", "store 0"} {
		r := n.rig(t)
		r.withFolder()
		whole := r.start("open f", "repeat 400", step)
		whole.says("open: ok")
		whole.ends()
		failures := 0
		for less := int64(0); less < 4096; less += 64 {
			r.config.MemoryBytes = whole.process.PeakMemory() - less
			p := r.start("open f", "repeat 400", step)
			<-p.done
			if p.err != nil {
				failures++
				if !strings.Contains(p.err.Error(), "memory") {
					t.Errorf("%s: %v", step, p.err)
				}
			}
			p.left()
		}
		if failures == 0 {
			t.Errorf("%s: there always was memory", step)
		}
	}
}
