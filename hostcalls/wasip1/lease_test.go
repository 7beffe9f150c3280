package wasip1

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
)

// leasedFiles is the config of withFiles with a lease for each grant.
func leasedFiles(t *testing.T) (config abi.Config, data string) {
	t.Helper()
	data, fixed := newGrants(t)
	if err := os.WriteFile(filepath.Join(data, "file"), []byte("content"), 0o666); err != nil {
		t.Fatal(err)
	}
	return abi.Config{
		Grants: grantsOf(data, fixed), Leases: []*lease.Lease{lease.New("data"), lease.New("fixed")},
	}, data
}

// revokedFolder and revokedFile fail if a use of the descriptor of a revoked grant does not.
func revokedFolder(c *caller, fd uint64) {
	c.t.Helper()
	one := func(name string, more ...uint64) {
		c.t.Helper()
		c.wantPath(errnoNotcapable, name, fd, "file", more...)
	}
	one("path_create_directory")
	one("path_remove_directory")
	one("path_unlink_file")
	one("path_readlink", atBuffer, 10, atResult)
	if _, e := c.open(fd, "file", 0, rightFdRead, 0); e != errnoNotcapable {
		c.t.Errorf("path_open = errno %d", e)
	}
	at, n := c.str(atPath, "file")
	at2, n2 := c.str(atPath2, "new")
	c.want(errnoNotcapable, "path_filestat_get", fd, 0, at, n, atBuffer)
	c.want(errnoNotcapable, "path_filestat_set_times", fd, 0, at, n, 0, 0, 0)
	c.want(errnoNotcapable, "path_symlink", at, n, fd, at2, n2)
	for _, other := range []uint64{fd, fdFixed} {
		c.want(errnoNotcapable, "path_link", fd, 0, at, n, other, at2, n2)
		c.want(errnoNotcapable, "path_link", other, 0, at, n, fd, at2, n2)
		c.want(errnoNotcapable, "path_rename", fd, at, n, other, at2, n2)
		c.want(errnoNotcapable, "path_rename", other, at, n, fd, at2, n2)
	}
	c.want(errnoNotcapable, "fd_readdir", fd, atBuffer, 100, 0, atResult)
	revokedNode(c, fd)
}

func revokedFile(c *caller, fd uint64) {
	c.t.Helper()
	list, count := c.buffer("text")
	c.want(errnoNotcapable, "fd_read", fd, list, count, atResult)
	c.want(errnoNotcapable, "fd_write", fd, list, count, atResult)
	c.want(errnoNotcapable, "fd_pread", fd, list, count, 0, atResult)
	c.want(errnoNotcapable, "fd_pwrite", fd, list, count, 0, atResult)
	c.want(errnoNotcapable, "fd_seek", fd, 0, whenceEnd, atResult)
	c.want(errnoNotcapable, "fd_seek", fd, 1, whenceCur, atResult)
	c.want(errnoNotcapable, "fd_tell", fd, atResult)
	c.want(errnoNotcapable, "fd_advise", fd, 0, 1, 0)
	c.want(errnoNotcapable, "fd_allocate", fd, 0, 1)
	c.want(errnoNotcapable, "fd_filestat_set_size", fd, 0)
	revokedNode(c, fd)
}

func revokedNode(c *caller, fd uint64) {
	c.t.Helper()
	c.want(errnoNotcapable, "fd_filestat_get", fd, atBuffer)
	c.want(errnoNotcapable, "fd_filestat_set_times", fd, 0, 0, 0)
	c.want(errnoNotcapable, "fd_sync", fd)
	c.want(errnoNotcapable, "fd_datasync", fd)
	c.want(errnoNotcapable, "fd_fdstat_set_flags", fd, 0)
	c.want(errnoNotcapable, "fd_fdstat_set_rights", fd, 0, 0)
	if e := c.pollError(fd); e != errnoNotcapable {
		c.t.Errorf("a poll of %d reports errno %d", fd, e)
	}
	c.want(errnoSuccess, "fd_fdstat_get", fd, atBuffer)
	if got := c.hex(atBuffer+8, 16); got != fmt.Sprintf("%032x", 0) {
		c.t.Errorf("the rights of %d are %s", fd, got)
	}
}

// pollError polls a descriptor for reading and returns the error of the event.
func (c *caller) pollError(fd uint64) errno {
	c.t.Helper()
	clear(c.mem.bytes[atBuffer : atBuffer+sizeSubscription])
	c.mem.bytes[atBuffer+8] = byte(eventFdRead)
	le.PutUint32(c.mem.bytes[atBuffer+16:], uint32(fd))
	c.want(errnoSuccess, "poll_oneoff", atBuffer, atBuffer+1024, 1, atResult)
	return errno(le.Uint16(c.mem.bytes[atBuffer+1024+8:]))
}

// When a folder is revoked it can't be used any more, and nor can what was opened below it, under whatever number. Other
// grants are as they were.
func TestRevokedFolder(t *testing.T) {
	config, data := leasedFiles(t)
	withProcess(t, config, func(c *caller) {
		file := c.mustOpen(fdData, "file", 0, rightFdRead|rightFdWrite, 0)
		c.wantPath(errnoSuccess, "path_create_directory", fdData, "below")
		below := c.mustOpen(fdData, "below", oflagDirectory, folderRights, 0)
		deep := c.mustOpen(below, "deep", oflagCreat, rightFdRead|rightFdWrite, 0)
		moved := c.mustOpen(fdData, "file", 0, rightFdRead|rightFdWrite, 0)
		c.want(errnoSuccess, "fd_renumber", moved, 2)
		if n := config.Leases[0].Open(); n != 5 {
			t.Errorf("%d descriptors are open through the grant, want 5", n)
		}

		config.Leases[0].Revoke()
		revokedFolder(c, fdData)
		revokedFolder(c, below)
		for _, fd := range []uint64{file, deep, 2} {
			revokedFile(c, fd)
		}
		// The search for preopened folders still works.
		c.want(errnoSuccess, "fd_prestat_get", fdData, atResult)
		c.want(errnoSuccess, "fd_prestat_dir_name", fdData, atBuffer, 5)
		c.want(errnoBadf, "fd_prestat_get", below, atResult)

		fixed := c.mustOpen(fdFixed, "file", 0, rightFdRead, 0)
		c.want(errnoSuccess, "fd_tell", fixed, atResult)
		c.want(errnoSuccess, "fd_renumber", file, deep)
		revokedFile(c, deep)
		c.want(errnoBadf, "fd_tell", file, atResult)
		c.want(errnoSuccess, "fd_close", fdData)
		c.want(errnoSuccess, "fd_close", deep)
		c.want(errnoBadf, "fd_close", deep)
		if n := config.Leases[0].Open(); n != 2 {
			t.Errorf("%d descriptors are left of the grant, want 2", n)
		}
	})
	if content, err := os.ReadFile(filepath.Join(data, "file")); err != nil || string(content) != "content" {
		t.Errorf("the file has %q, %v", content, err)
	}
	if config.Leases[0].Open() != 0 || config.Leases[1].Open() != 0 {
		t.Errorf("descriptors are left of the grants: %d, %d", config.Leases[0].Open(), config.Leases[1].Open())
	}
}

// What the host has open is closed although the guest does nothing.
func TestRevokedFilesAreClosed(t *testing.T) {
	config, data := leasedFiles(t)
	opened, release := make(chan struct{}), make(chan struct{})
	wait, _ := startProcess(t, config, func(c *caller) {
		c.mustOpen(fdData, "file", 0, rightFdRead, 0)
		close(opened)
		<-release
	})
	<-opened
	config.Leases[0].Revoke()
	for len(openFiles(t, data)) > 0 {
		runtime.Gosched()
	}
	close(release)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// An operation that waits for the file system ends at once. What it was about to open is not left open, and one that had
// not begun changes nothing.
func TestRevokeEndsFileOp(t *testing.T) {
	list := func(c *caller) (uint64, uint64) { return c.buffer("written") }
	for name, call := range map[string]func(c *caller, file uint64) errno{
		"open": func(c *caller, _ uint64) errno {
			_, e := c.open(fdData, "new", oflagCreat, rightFdWrite, 0)
			return e
		},
		"read": func(c *caller, file uint64) errno {
			at, n := list(c)
			return c.call("fd_read", file, at, n, atResult)
		},
		"write": func(c *caller, file uint64) errno {
			at, n := list(c)
			return c.call("fd_write", file, at, n, atResult)
		},
		"append": func(c *caller, file uint64) errno {
			at, n := list(c)
			c.fds.entries[file].stat().flags |= fdflagAppend
			return c.call("fd_write", file, at, n, atResult)
		},
		"list": func(c *caller, _ uint64) errno { return c.call("fd_readdir", fdData, atBuffer, 100, 0, atResult) },
		"stat": func(c *caller, file uint64) errno { return c.call("fd_filestat_get", file, atBuffer) },
	} {
		t.Run(name, func(t *testing.T) {
			config, data := leasedFiles(t)
			release := make(chan struct{})
			started, result := make(chan *Process, 1), make(chan errno, 1)
			wait, _ := startProcess(t, config, func(c *caller) {
				file := c.mustOpen(fdData, "file", 0, rightFdRead|rightFdWrite, 0)
				occupy(c, release)
				started <- c.Process
				result <- call(c, file)
			})
			p := <-started
			for len(p.AppendOps(nil)) == 0 {
				runtime.Gosched()
			}
			config.Leases[0].Revoke()
			if e := <-result; e != errnoNotcapable {
				t.Errorf("errno %d", e)
			}
			close(release)
			if err := wait(); err != nil {
				t.Error(err)
			}
			if open := openFiles(t, data); len(open) > 0 {
				t.Errorf("still open: %v", open)
			}
			if _, err := os.Stat(filepath.Join(data, "new")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was made: %v", err)
			}
			if content, _ := os.ReadFile(filepath.Join(data, "file")); string(content) != "content" {
				t.Errorf("the file has %q", content)
			}
			if n := p.granted.abi.appends.Len(); n != 0 {
				t.Errorf("%d files have turns", n)
			}
		})
	}
}

// An operation on a socket that waits ends at once, and what was accepted from a listener is revoked with it, under whatever
// number. The peers see that the connections are closed.
func TestRevokeEndsSocketOp(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	const fdListener, fdConnection = 3, 4
	poll := func(c *caller, fd uint64) errno { return c.pollError(fd) }
	read := func(c *caller, fd uint64) errno {
		at, n := c.buffer("text")
		return c.call("fd_read", fd, at, n, atResult)
	}
	for _, tt := range []struct {
		name    string
		lease   int
		fd      uint64 // that the guest waits for; 0: of an accepted connection
		renamed bool   // it has moved to another number
		call    func(*caller, uint64) errno
	}{
		{"read", 1, fdConnection, false, read},
		{"read what was renumbered", 1, fdConnection, true, read},
		{"receive", 1, fdConnection, false, func(c *caller, fd uint64) errno {
			at, n := c.buffer("text")
			return c.call("sock_recv", fd, at, n, 0, atResult, atResult2)
		}},
		{"poll", 1, fdConnection, false, poll},
		{"accept", 0, fdListener, false, func(c *caller, fd uint64) errno {
			c.want(errnoSuccess, "fd_fdstat_set_flags", fd, 0)
			return c.call("sock_accept", fd, 0, atResult)
		}},
		{"poll a listener", 0, fdListener, false, poll},
		{"read what was accepted", 0, 0, false, read},
		{"read what was accepted and renumbered", 0, 0, true, read},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := abi.Config{
				Grants: []capability.Grant{listenerGrant("127.0.0.1:0"), connectionGrant(peer.Addr().String())},
				Leases: []*lease.Lease{lease.New("listener"), lease.New("connection")},
			}
			started, result := make(chan *Process, 1), make(chan errno, 1)
			var outside net.Conn
			wait, _ := startProcess(t, config, func(c *caller) {
				fd := tt.fd
				if fd == 0 {
					var err error
					if outside, err = net.Dial("tcp", c.ListenAddresses()[0]); err != nil {
						t.Error(err)
					}
					c.want(errnoSuccess, "fd_fdstat_set_flags", fdListener, 0)
					c.want(errnoSuccess, "sock_accept", fdListener, 0, atResult)
					fd = uint64(c.u32(atResult))
				}
				if tt.renamed {
					c.want(errnoSuccess, "fd_renumber", fd, 0)
					fd = 0
				}
				started <- c.Process
				result <- tt.call(c, fd)
				revokedNode(c, fd)
				c.want(errnoSuccess, "fd_close", fd)
			})
			if tt.fd != 0 {
				if outside, err = peer.Accept(); err != nil {
					t.Fatal(err)
				}
			}
			p := <-started
			for len(p.AppendOps(nil)) == 0 {
				runtime.Gosched()
			}
			config.Leases[tt.lease].Revoke()
			if e := <-result; e != errnoNotcapable {
				t.Errorf("errno %d", e)
			}
			if tt.fd != fdListener {
				if n, err := outside.Read(make([]byte, 1)); n != 0 || err == nil {
					t.Errorf("the peer reads %d bytes, %v", n, err)
				}
			}
			if err := wait(); err != nil {
				t.Error(err)
			}
			_ = outside.Close()
			for i, l := range config.Leases {
				if l.Open() != 0 {
					t.Errorf("%d descriptors are left of grant %d", l.Open(), i)
				}
			}
		})
	}
}

// Grants that were revoked before the start keep their places: the numbers of the others do not change.
func TestRevokedBeforeStart(t *testing.T) {
	config, data := leasedFiles(t)
	config.Grants = append(config.Grants, listenerGrant("127.0.0.1:0"), listenerGrant("127.0.0.1:0"), connectionGrant("127.0.0.1:1"))
	config.Leases = append(config.Leases, lease.New("first"), lease.New("second"), lease.New("connection"))
	for _, i := range []int{0, 2, 4} {
		config.Leases[i].Revoke()
	}
	const fdFirst, fdSecond, fdConnection = 5, 6, 7
	withProcess(t, config, func(c *caller) {
		revokedFolder(c, fdData)
		c.want(errnoSuccess, "fd_prestat_get", fdData, atResult)
		c.want(errnoSuccess, "fd_prestat_get", fdFixed, atResult)
		c.want(errnoSuccess, "fd_filestat_get", fdFixed, atBuffer)
		for _, fd := range []uint64{fdFirst, fdConnection} {
			list, count := c.buffer("text")
			c.want(errnoNotcapable, "sock_accept", fd, 0, atResult)
			c.want(errnoNotcapable, "sock_recv", fd, list, count, 0, atResult, atResult2)
			c.want(errnoNotcapable, "sock_send", fd, list, count, 0, atResult)
			c.want(errnoNotcapable, "sock_shutdown", fd, uint64(shutdownWrite))
			revokedFile(c, fd)
			c.want(errnoSuccess, "fd_close", fd)
		}
		c.want(errnoAgain, "sock_accept", fdSecond, 0, atResult)
		if got := c.ListenAddresses(); len(got) != 2 || got[0] != "" || got[1] == "" {
			t.Errorf("addresses are %q", got)
		}
		for i, want := range []int{1, 1, 0, 1, 0} {
			if got := config.Leases[i].Open(); got != want {
				t.Errorf("%d descriptors are open of grant %d, want %d", got, i, want)
			}
		}
	})
	if open := openFiles(t, data); len(open) > 0 {
		t.Errorf("open: %v", open)
	}
}

// A grant that is revoked while it is opened is as one that was revoked before, whether it could be opened or not.
func TestRevokedWhileOpened(t *testing.T) {
	for name, failure := range map[string]error{"opened": nil, "failed": errors.New("no such folder")} {
		t.Run(name, func(t *testing.T) {
			data, fixed := newGrants(t)
			l := lease.New("data")
			slow := &revokedOnOpen{folderGrant{HostPath: data, GuestPath: "/data"}, l, failure}
			config := abi.Config{
				Grants: []capability.Grant{slow, folderGrant{HostPath: fixed, GuestPath: "/fixed", ReadOnly: true}},
				Leases: []*lease.Lease{l, lease.New("fixed")},
			}
			withProcess(t, config, func(c *caller) {
				revokedFolder(c, fdData)
				c.want(errnoSuccess, "fd_prestat_get", fdData, atResult)
				c.want(errnoSuccess, "fd_filestat_get", fdFixed, atBuffer)
			})
			if open := openFiles(t, data); len(open) > 0 {
				t.Errorf("open: %v", open)
			}
		})
	}
}

// revokedOnOpen is a folder that is revoked while it is opened.
type revokedOnOpen struct {
	folderGrant
	lease   *lease.Lease
	failure error
}

func (g *revokedOnOpen) Open(o capability.Opener) error {
	defer g.lease.Revoke()
	if g.failure != nil && !g.lease.Revoked() {
		return g.failure
	}
	return g.folderGrant.Open(o)
}
