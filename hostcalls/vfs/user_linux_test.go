package vfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asUser runs body as a user other than root who owns everything beneath a folder. (Root may do anything.)
func asUser(t *testing.T, root string, body func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		body()
		return
	}
	const nobody = 65534
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // whose user this is
	defer runtime.UnlockOSThread()
	_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, nobody, 0, 0)
	defer func() { _, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, 0, 0, 0) }()
	body()
}
