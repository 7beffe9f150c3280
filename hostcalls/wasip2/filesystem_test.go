package wasip2

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

const (
	descriptorType = "wasi:filesystem/types#descriptor"
	method         = "wasi:filesystem/types#[method]descriptor."
	ok             = -1 // no error-code
)

// folderGrant is a grant of a folder.
type folderGrant capability.Folder

func (folderGrant) String() string                   { return "a folder" }
func (folderGrant) Handle() capability.Handle        { return capability.FolderHandle }
func (g folderGrant) Open(o capability.Opener) error { return o.OpenFolder(capability.Folder(g)) }

// withFiles runs body with a folder that is granted as /data, with a file "a" and a folder "sub" in it.
func withFiles(t *testing.T, change func(*abi.Config), body func(g *guest, dir uint32, host string)) {
	t.Helper()
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "a"), []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(host, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	config := abi.Config{Grants: []capability.Grant{folderGrant{HostPath: host, GuestPath: "/data"}}}
	if change != nil {
		change(&config)
	}
	if err := withGuest(t, config, func(g *guest) { body(g, g.preopen("/data"), host) }); err != nil {
		t.Error(err)
	}
	if open := openBelow(t, host); len(open) > 0 {
		t.Errorf("still open: %q", open)
	}
}

// openBelow returns what this process has open below a folder, once what is being closed is.
func openBelow(t *testing.T, dir string) (all []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, fd := range fds {
		if path, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(path, dir) {
			all = append(all, path)
		}
	}
	return all
}

func (g *guest) preopen(name string) (dir uint32) {
	g.t.Helper()
	found := false
	g.call("wasi:filesystem/preopens#get-directories", nil, func(r *cabi.Reader) {
		for list := r.List(); list.Len() > 0; {
			pair := list.Record()
			rep := pair.Own()
			if pair.String() == name {
				dir, found = rep, true
			}
		}
	})
	if !found {
		g.t.Errorf("there is no preopen %s", name)
	}
	return dir
}

// file calls a method of a descriptor, and returns its error-code, or ok.
func (g *guest) file(name string, d uint32, args func(*cabi.Writer), results func(*cabi.Reader)) (code int) {
	g.t.Helper()
	code = ok
	g.call(method+name, func(w *cabi.Writer) {
		w.Borrow(d)
		if args != nil {
			args(w)
		}
	}, func(r *cabi.Reader) {
		switch {
		case !r.OK():
			code = r.Enum()
		case results != nil:
			results(r)
		}
	})
	return code
}

func (g *guest) open(dir uint32, path string, how, flags uint32) (d uint32, code int) {
	g.t.Helper()
	code = g.file("open-at", dir, func(w *cabi.Writer) {
		w.Flags(wasi.FlagFollow)
		w.String(path)
		w.Flags(how)
		w.Flags(flags)
	}, func(r *cabi.Reader) { d = r.Own() })
	return d, code
}

func (g *guest) mustOpen(dir uint32, path string, how, flags uint32) uint32 {
	g.t.Helper()
	d, code := g.open(dir, path, how, flags)
	g.code("open "+path, code, ok)
	return d
}

// fs is a code as g.file returns it.
func fs(code wasi.FileCode) int { return int(code) }

func (g *guest) code(what string, have, want int) {
	g.t.Helper()
	if have != want {
		g.t.Errorf("%s: code %d, want %d", what, have, want)
	}
}

func (g *guest) stream(name string, d uint32, offset uint64) (stream uint32, code int) {
	g.t.Helper()
	code = g.file(name, d, func(w *cabi.Writer) {
		if name != "append-via-stream" {
			w.U64(offset)
		}
	}, func(r *cabi.Reader) { stream = r.Own() })
	return stream, code
}

func path(name string) func(*cabi.Writer) { return func(w *cabi.Writer) { w.String(name) } }

func TestFiles(t *testing.T) {
	withFiles(t, nil, func(g *guest, dir uint32, host string) {
		d := g.mustOpen(dir, "a", 0, wasi.FlagRead|wasi.FlagWrite)
		read := func(n, at uint64) (text string, end bool) {
			g.code("read", g.file("read", d, func(w *cabi.Writer) { w.U64(n); w.U64(at) }, func(r *cabi.Reader) {
				pair := r.Record()
				text, end = string(pair.Bytes()), pair.Bool()
			}), ok)
			return text, end
		}
		if text, end := read(4, 3); text != "3456" || end {
			t.Errorf("read %q, %t", text, end)
		}
		if text, end := read(1<<40, 10); text != "" || !end {
			t.Errorf("read at the end %q, %t", text, end)
		}
		g.code("write", g.file("write", d, func(w *cabi.Writer) { w.Bytes([]byte("abc")); w.U64(8) }, func(r *cabi.Reader) {
			if n := r.U64(); n != 3 {
				t.Errorf("wrote %d", n)
			}
		}), ok)
		in, _ := g.stream("read-via-stream", d, 7)
		g.is("stream", g.read("blocking-read", in, 100), outcome{bytes: "7abc"})
		g.is("stream at the end", g.read("read", in, 100), outcome{closed: true})
		out, _ := g.stream("append-via-stream", d, 0)
		g.checkWrite(out)
		g.is("append", g.write("write", out, "END"), outcome{})
		g.is("stream that goes on", g.read("read", in, 100), outcome{bytes: "END"})
		over, _ := g.stream("write-via-stream", d, 1)
		g.is("write", g.write("blocking-write-and-flush", over, "xx"), outcome{})
		g.is("write", g.write("blocking-write-and-flush", over, "yy"), outcome{})
		g.drop(descriptorType, d) // the streams go on
		g.is("write", g.write("blocking-write-and-flush", over, "z"), outcome{})
		if text, _ := os.ReadFile(filepath.Join(host, "a")); string(text) != "0xxyyz67abcEND" {
			t.Errorf("the file has %q", text)
		}
		g.drop(inputStreams, in)
		g.drop(outputStreams, out)
		g.drop(outputStreams, over)

		g.code("size", g.file("set-size", g.mustOpen(dir, "a", 0, wasi.FlagWrite), func(w *cabi.Writer) { w.U64(2) }, nil), ok)
		_, code := g.open(dir, "a", wasi.OpenCreate|wasi.OpenExclusive, wasi.FlagWrite)
		g.code("exclusive", code, fs(wasi.FileExist))
		_, code = g.open(dir, "a", wasi.OpenDirectory, wasi.FlagRead)
		g.code("file as folder", code, fs(wasi.FileNotDirectory))
		_, code = g.open(dir, "../x", 0, wasi.FlagRead)
		g.code("outside", code, fs(wasi.FileNotPermitted))
		_, code = g.open(dir, "/data/a", 0, wasi.FlagRead)
		g.code("absolute", code, fs(wasi.FileNotPermitted))
		_, code = g.open(dir, "x\x00", 0, wasi.FlagRead)
		g.code("zero byte", code, fs(wasi.FileInvalid))
		_, code = g.open(dir, "none", 0, wasi.FlagRead)
		g.code("missing", code, fs(wasi.FileNoEntry))
		_, code = g.stream("write-via-stream", g.mustOpen(dir, "a", 0, wasi.FlagRead), 0)
		g.code("write to what is read", code, fs(wasi.FileBadDescriptor))
		_, code = g.stream("read-via-stream", g.mustOpen(dir, "a", 0, wasi.FlagWrite), 0)
		g.code("read from what is written", code, fs(wasi.FileBadDescriptor))
		_, code = g.stream("read-via-stream", dir, 0)
		g.code("read of a folder", code, fs(wasi.FileIsDirectory))
		_, code = g.stream("read-via-stream", g.mustOpen(dir, "a", 0, wasi.FlagRead), 1<<63)
		g.code("offset", code, fs(wasi.FileInvalid))
	})
}

func TestPaths(t *testing.T) {
	withFiles(t, nil, func(g *guest, dir uint32, host string) {
		both := func(a, b string) func(*cabi.Writer) {
			return func(w *cabi.Writer) { w.String(a); w.Borrow(dir); w.String(b) }
		}
		g.code("mkdir", g.file("create-directory-at", dir, path("new"), nil), ok)
		g.code("mkdir again", g.file("create-directory-at", dir, path("new"), nil), fs(wasi.FileExist))
		g.code("rename", g.file("rename-at", dir, both("new", "old"), nil), ok)
		g.code("rmdir", g.file("remove-directory-at", dir, path("old"), nil), ok)
		g.code("symlink", g.file("symlink-at", dir, func(w *cabi.Writer) { w.String("a"); w.String("link") }, nil), ok)
		g.code("absolute symlink", g.file("symlink-at", dir, func(w *cabi.Writer) { w.String("/a"); w.String("l") }, nil), fs(wasi.FileNotPermitted))
		if err := os.Symlink("/etc", filepath.Join(host, "etc")); err != nil {
			t.Fatal(err)
		}
		g.code("absolute target", g.file("readlink-at", dir, path("etc"), nil), fs(wasi.FileNotPermitted))
		g.code("readlink", g.file("readlink-at", dir, path("link"), func(r *cabi.Reader) {
			if to := r.String(); to != "a" {
				t.Errorf("the link leads to %q", to)
			}
		}), ok)
		link := func(flags uint32) func(*cabi.Writer) {
			return func(w *cabi.Writer) { w.Flags(flags); w.String("a"); w.Borrow(dir); w.String("b") }
		}
		g.code("link that follows", g.file("link-at", dir, link(wasi.FlagFollow), nil), fs(wasi.FileInvalid))
		g.code("link", g.file("link-at", dir, link(0), nil), ok)
		g.code("unlink of a folder", g.file("unlink-file-at", dir, path("sub"), nil), fs(wasi.FileIsDirectory))
		g.code("unlink", g.file("unlink-file-at", dir, path("etc"), nil), ok)

		hash := func(d uint32, name string) (sum [2]uint64) {
			args, call := func(w *cabi.Writer) { w.Flags(wasi.FlagFollow); w.String(name) }, "metadata-hash-at"
			if name == "" {
				args, call = nil, "metadata-hash"
			}
			g.code("hash", g.file(call, d, args, func(r *cabi.Reader) {
				v := r.Record()
				sum = [2]uint64{v.U64(), v.U64()}
			}), ok)
			return sum
		}
		a := g.mustOpen(dir, "a", 0, wasi.FlagRead)
		if h := hash(dir, "a"); h != hash(dir, "b") || h != hash(dir, "link") || h != hash(a, "") || h == hash(dir, "sub") || h[0] == h[1] {
			t.Error("hashes don't tell which file it is")
		}
		same := func(x, y uint32) (same bool) {
			g.call(method+"is-same-object", func(w *cabi.Writer) { w.Borrow(x); w.Borrow(y) }, func(r *cabi.Reader) { same = r.Bool() })
			return same
		}
		if !same(a, g.mustOpen(dir, "b", 0, wasi.FlagRead)) || same(a, dir) {
			t.Error("it is not known which objects are the same")
		}
		set := func(w *cabi.Writer) {
			w.Variant(noChange)
			w.Variant(timestamp)
			at := w.Record()
			at.U64(1000)
			at.U32(5)
		}
		g.code("set times", g.file("set-times-at", dir, func(w *cabi.Writer) { w.Flags(0); w.String("a"); set(w) }, nil), ok)
		g.code("set times of a file", g.file("set-times", a, set, nil), ok)
		g.code("set no time", g.file("set-times", a, func(w *cabi.Writer) {
			w.Variant(timeNow)
			w.Variant(timestamp)
			at := w.Record()
			at.U64(0)
			at.U32(uint32(time.Second))
		}, nil), fs(wasi.FileInvalid))
		g.code("stat", g.file("stat-at", dir, func(w *cabi.Writer) { w.Flags(0); w.String("a") }, func(r *cabi.Reader) {
			s := r.Record()
			if kind, links, size := s.Enum(), s.U64(), s.U64(); kind != typeRegularFile || links != 2 || size != 10 {
				t.Errorf("type %d, %d links, %d bytes", kind, links, size)
			}
			s.Option()
			s.Skip()
			if !s.Option() {
				t.Error("there is no time")
			}
			if at := s.Record(); at.U64() != 1000 || at.U32() != 5 {
				t.Error("the time was not set")
			}
		}), ok)
	})
}

func TestListing(t *testing.T) {
	withFiles(t, nil, func(g *guest, dir uint32, host string) {
		want := []string{"6 a", "3 sub"}
		for i := range 300 {
			name := fmt.Sprintf("%0100d", i)
			want = append(want, "6 "+name)
			if err := os.WriteFile(filepath.Join(host, name), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var stream uint32
		g.code("read-directory", g.file("read-directory", dir, nil, func(r *cabi.Reader) { stream = r.Own() }), ok)
		var got []string
		for more := true; more; {
			g.call("wasi:filesystem/types#[method]directory-entry-stream.read-directory-entry", borrowed(stream), func(r *cabi.Reader) {
				if more = r.OK() && r.Option(); more {
					e := r.Record()
					got = append(got, fmt.Sprint(e.Enum(), " ", e.String()))
				}
			})
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d entries, want %d", len(got), len(want))
		}
		g.drop("wasi:filesystem/types#directory-entry-stream", stream)
		g.code("read-directory of a file", g.file("read-directory", g.mustOpen(dir, "a", 0, wasi.FlagRead), nil, nil), fs(wasi.FileNotDirectory))
	})
}

func TestReadOnlyFolder(t *testing.T) {
	readOnly := func(c *abi.Config) {
		f := c.Grants[0].(folderGrant)
		f.ReadOnly = true
		c.Grants[0] = f
	}
	withFiles(t, readOnly, func(g *guest, dir uint32, _ string) {
		g.mustOpen(dir, "a", 0, wasi.FlagRead)
		_, code := g.open(dir, "a", 0, wasi.FlagWrite)
		g.code("open for writing", code, fs(wasi.FileReadOnly))
		_, code = g.open(dir, "new", wasi.OpenCreate, wasi.FlagWrite)
		g.code("create", code, fs(wasi.FileReadOnly))
		g.code("mkdir", g.file("create-directory-at", dir, path("new"), nil), fs(wasi.FileReadOnly))
		g.code("unlink", g.file("unlink-file-at", dir, path("a"), nil), fs(wasi.FileReadOnly))
	})
}

// The limit of descriptors counts files and folders, not their streams and not other handles of a preopen.
func TestDescriptorLimit(t *testing.T) {
	budget := hostcalls.NewBudget(100)
	limit := func(c *abi.Config) { c.Descriptors, c.Budget, c.Owner = 6, budget, "w" }
	withFiles(t, limit, func(g *guest, dir uint32, _ string) {
		first, _ := g.mustOpen(dir, "a", 0, wasi.FlagRead), g.mustOpen(dir, "a", 0, wasi.FlagRead)
		in, _ := g.stream("read-via-stream", first, 0)
		g.preopen("/data")
		_, code := g.open(dir, "a", 0, wasi.FlagRead)
		g.code("too many", code, fs(wasi.FileQuota))
		if r := g.store.Refused().Refusal(); r == nil || *r != (abi.Refusal{Kind: abi.RefusedDescriptor, Want: 7, Limit: 6}) {
			t.Errorf("refused %+v", r)
		}
		g.drop(descriptorType, first)
		_, code = g.open(dir, "a", 0, wasi.FlagRead)
		g.code("the stream has it open", code, fs(wasi.FileQuota))
		g.drop(inputStreams, in)
		g.mustOpen(dir, "a", 0, wasi.FlagRead)
	})
	if used, _ := budget.Use(); used != 0 {
		t.Errorf("%d descriptors are still taken", used)
	}
}

// A grant that is revoked ends what is open by it; one that was revoked before is a preopen that stands for nothing.
func TestRevokedFolder(t *testing.T) {
	l := lease.New("--dir")
	withFiles(t, func(c *abi.Config) { c.Leases = []*lease.Lease{l} }, func(g *guest, dir uint32, _ string) {
		d := g.mustOpen(dir, "a", 0, wasi.FlagRead|wasi.FlagWrite)
		in, _ := g.stream("read-via-stream", d, 0)
		l.Revoke()
		_, code := g.open(dir, "a", 0, wasi.FlagRead)
		g.code("open", code, fs(wasi.FileNotPermitted))
		g.code("stat", g.file("stat", d, nil, nil), fs(wasi.FileNotPermitted))
		g.code("sync", g.file("sync", d, nil, nil), fs(wasi.FileNotPermitted))
		g.is("read", g.read("read", in, 1), outcome{failed: "the grant was revoked"})
		g.is("read again", g.read("read", in, 1), outcome{closed: true})
	})
	if n := l.Open(); n != 0 {
		t.Errorf("%d are open by the grant", n)
	}
	withFiles(t, func(c *abi.Config) { c.Leases = []*lease.Lease{l} }, func(g *guest, dir uint32, _ string) {
		_, code := g.open(dir, "a", 0, wasi.FlagRead)
		g.code("open", code, fs(wasi.FileNotPermitted))
		g.code("get-type", g.file("get-type", dir, nil, nil), fs(wasi.FileNotPermitted))
	})
}

// An error of a file has a code for those who ask for it; other errors of streams have none.
func TestErrorCodes(t *testing.T) {
	for err, want := range map[error]wasi.FileCode{
		syscall.ENOENT: wasi.FileNoEntry, syscall.EXDEV: wasi.FileCrossDevice, syscall.Errno(9999): wasi.FileIO, vfs.ErrEscapes: wasi.FileNotPermitted,
		lease.ErrRevoked: wasi.FileNotPermitted, os.ErrClosed: wasi.FileIO,
	} {
		if got := wasi.FileCodeOf(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
	withFiles(t, nil, func(g *guest, dir uint32, _ string) {
		if _, err := os.Stat("/dev/full"); err != nil {
			t.Skip(err)
		}
		d := g.mustOpen(dir, "a", 0, wasi.FlagRead|wasi.FlagWrite)
		out, _ := g.stream("write-via-stream", d, 1<<62) // beyond what any file may have
		code := ok
		g.call("wasi:io/streams#[method]output-stream.blocking-write-and-flush", func(w *cabi.Writer) { w.Borrow(out); w.Bytes([]byte("x")) }, func(r *cabi.Reader) {
			if r.OK() || r.Variant() != lastOperationFailed {
				t.Error("it was written")
				return
			}
			e := r.Own()
			g.call("wasi:filesystem/types#filesystem-error-code", borrowed(e), func(r *cabi.Reader) {
				if r.Option() {
					code = r.Enum()
				}
			})
			g.call("wasi:sockets/network#network-error-code", borrowed(e), func(r *cabi.Reader) {
				if r.Option() {
					t.Error("it is an error of a socket, too")
				}
			})
		})
		g.code("write too far", code, fs(wasi.FileFileTooLarge))
		g.is("write again", g.write("blocking-write-and-flush", out, "x"), outcome{closed: true})
	})
}

func TestMonotonicClockIsNeverZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := withGuest(t, abi.Config{}, func(g *guest) {
			g.call("wasi:clocks/monotonic-clock#now", nil, func(r *cabi.Reader) {
				if r.U64() == 0 {
					t.Error("it is zero")
				}
			})
			g.call("wasi:clocks/wall-clock#now", nil, func(r *cabi.Reader) {
				at := r.Record()
				if s, n := at.U64(), at.U32(); int64(s) != time.Now().Unix() || int(n) != time.Now().Nanosecond() {
					t.Errorf("it is %d, %d", s, n)
				}
			})
		}); err != nil {
			t.Error(err)
		}
	})
}
