package vfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKernelFileSystems tries every operation on files of procfs and sysfs, which give access to the daemon, whatever
// their type.
func TestKernelFileSystems(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		for _, grant := range []struct{ host, prefix string }{{"/", "proc/"}, {"/proc", ""}, {"/proc/self", "../"}} {
			d, err := OpenDir(grant.host, readOnly)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, name := range []string{
				"self/mem", "self/environ", "self/maps", "self/auxv", "thread-self/mem", "self/task/self/mem",
				fmt.Sprintf("%d/mem", os.Getpid()), fmt.Sprintf("self/task/%d/mem", os.Getpid()),
				"1/environ", "self/fd/0", "self/fd/1", "self/fd", "self/ns/net", "self/map_files", "self/attr/current",
				"self/exe", "self/cwd", "self/cwd/file", "self/root", "self/root/etc/passwd", "1/root/etc/passwd",
				"self/cwd/..", "kcore", "kmsg", "sysrq-trigger", "sys/kernel/core_pattern", "version", "./self/../self/mem",
			} {
				for what, op := range pathOps {
					if op(d, grant.prefix+name) == nil {
						t.Errorf("%s %s%s in %s is allowed", what, grant.prefix, name, grant.host)
					}
				}
			}
		}
	}
	for _, path := range []string{"/proc", "/proc/self/task", "/sys", "/sys/kernel"} {
		d, err := OpenDir(path, true)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.List(0, func(Entry) bool { return true }); !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("list %s: %v; want ENOTSUP", path, err)
		}
		if s, err := d.Stat(); err != nil || s.Type != Folder {
			t.Errorf("stat %s: %+v, %v", path, s, err)
		}
	}
	root, err := OpenDir("/", true)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, want := range map[string]error{
		"sys/kernel/notes":   syscall.ENOTSUP,
		"proc/version":       syscall.ENOTSUP,
		"proc/self/mem":      syscall.ENOTSUP,
		"proc/self/environ":  syscall.ENOTSUP,
		"proc/self/fd/0":     syscall.ENOTSUP,
		"proc/../etc/passwd": nil,
		"etc/passwd":         nil,
	} {
		if err := opened(root.Open(path, How{Read: true})); !errors.Is(err, want) {
			t.Errorf("open %s: %v; want %v", path, err, want)
		}
	}
	if s, err := root.Lstat("proc", false); err != nil || s.Type != Folder {
		t.Errorf("stat proc: %+v, %v", s, err)
	}
}

// TestKernelFileSystemElsewhere mounts procfs, and one file of it, beneath a granted folder.
func TestKernelFileSystemElsewhere(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/folder")
	f.hostWrite("granted/file", "")
	ended := make(chan error, 1)
	go func() { // on a thread with mounts of its own, which ends with the goroutine
		runtime.LockOSThread()
		ended <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			for from, to := range map[string]string{"/proc": "folder", "/proc/self/mem": "file"} {
				if err := unix.Mount(from, filepath.Join(f.granted, to), "", unix.MS_BIND, ""); err != nil {
					return err
				}
			}
			d, err := OpenDir(f.granted, false)
			if err != nil {
				return err
			}
			defer d.Close()
			for _, how := range []How{{Read: true}, {Read: true, Write: true}} {
				for _, path := range []string{"file", "folder/self/mem", "folder/version"} {
					if err := opened(d.Open(path, how)); !errors.Is(err, syscall.ENOTSUP) {
						t.Errorf("open %s: %v; want ENOTSUP", path, err)
					}
				}
			}
			n, err := d.Open("folder", How{Folder: true, List: true})
			if err != nil {
				return err
			}
			defer n.Close()
			if err := opened(n.(*Dir).Open("version", How{Read: true})); !errors.Is(err, syscall.ENOTSUP) {
				t.Errorf("open in what is mounted: %v; want ENOTSUP", err)
			}
			return nil
		}()
	}()
	if err := <-ended; errors.Is(err, syscall.EPERM) {
		t.Skip("needs root")
	} else if err != nil {
		t.Fatal(err)
	}
}

// TestDevicesByNumber: a device is recognized by its number, not its name.
func TestDevicesByNumber(t *testing.T) {
	f := newFixture(t, false)
	for name, c := range map[string]struct {
		mode         uint32
		major, minor uint32
		want         error
	}{
		"odd":    {unix.S_IFCHR, 1, 3, nil}, // null
		"null":   {unix.S_IFCHR, 5, 0, syscall.ENOTSUP},
		"zero":   {unix.S_IFCHR, 1, 1, syscall.ENOTSUP}, // mem
		"random": {unix.S_IFCHR, 1, 11, syscall.ENOTSUP},
		"full":   {unix.S_IFBLK, 1, 3, syscall.ENOTSUP},
	} {
		err := unix.Mknod(filepath.Join(f.granted, name), c.mode|0o666, int(unix.Mkdev(c.major, c.minor)))
		if errors.Is(err, syscall.EPERM) {
			t.Skip("needs root")
		}
		f.must(err)
		for _, how := range []How{{Read: true}, {Write: true}} {
			if err := opened(f.dir.Open(name, how)); !errors.Is(err, c.want) && !errors.Is(err, syscall.EACCES) {
				t.Errorf("open %s: %v; want %v", name, err, c.want)
			}
		}
	}
}
