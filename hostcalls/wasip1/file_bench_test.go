package wasip1

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/files"
)

// BenchmarkFiles measures a call on a file, including the way to the blocking pool and back, with the file in the page
// cache.
func BenchmarkFiles(b *testing.B) {
	data := b.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "a", "b"), 0o777); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "a", "b", "file"), make([]byte, files.MaxBuffer), 0o666); err != nil {
		b.Fatal(err)
	}
	config := abi.Config{Grants: []capability.Grant{folderGrant{HostPath: data, GuestPath: "/data"}}}
	on := func(name string, run func(b *testing.B, c *caller)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			withProcess(b, config, func(c *caller) {
				c.mem.bytes = make([]byte, atBuffer+files.MaxBuffer)
				run(b, c)
			})
		})
	}
	for _, size := range []uint32{64, 4 << 10, files.MaxBuffer} {
		for _, name := range []string{"fd_pread", "fd_pwrite"} {
			on(fmt.Sprintf("%s/bytes=%d", name, size), func(b *testing.B, c *caller) {
				fd := c.mustOpen(fdData, "a/b/file", 0, fileRights, 0)
				c.iovec(atIovec, atBuffer, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					c.want(errnoSuccess, name, fd, atIovec, 1, 0, atResult)
				}
			})
		}
	}
	on("fd_pread/bytes=1048576", func(b *testing.B, c *caller) {
		const size = 1 << 20
		c.mem.bytes = make([]byte, atBuffer+size)
		if err := os.Truncate(filepath.Join(data, "a", "b", "file"), size); err != nil {
			b.Fatal(err)
		}
		fd := c.mustOpen(fdData, "a/b/file", 0, fileRights, 0)
		c.iovec(atIovec, atBuffer, size)
		b.SetBytes(size)
		for b.Loop() {
			c.want(errnoSuccess, "fd_pread", fd, atIovec, 1, 0, atResult)
		}
	})
	on("fd_write/append/bytes=64", func(b *testing.B, c *caller) {
		fd := c.mustOpen(fdData, "log", oflagCreat, fileRights, fdflagAppend)
		c.iovec(atIovec, atBuffer, 64)
		for b.Loop() {
			c.want(errnoSuccess, "fd_write", fd, atIovec, 1, atResult)
		}
	})
	on("path_open", func(b *testing.B, c *caller) {
		for b.Loop() {
			c.want(errnoSuccess, "fd_close", c.mustOpen(fdData, "a/b/file", 0, fileRights, 0))
		}
	})
	on("path_filestat_get", func(b *testing.B, c *caller) {
		path, n := c.str(atPath, "a/b/file")
		for b.Loop() {
			c.want(errnoSuccess, "path_filestat_get", fdData, 0, path, n, atResult)
		}
	})
	on("fd_tell", func(b *testing.B, c *caller) {
		fd := c.mustOpen(fdData, "a/b/file", 0, fileRights, 0)
		for b.Loop() {
			c.want(errnoSuccess, "fd_tell", fd, atResult)
		}
	})
}
