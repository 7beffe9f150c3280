// Package local says where a user's own daemon is found on this machine: reactord puts its socket
// and its token there, and reactorctl looks for them there, so that neither has to be told.
//
// Its functions read the environment they are given and look at folders; they change nothing.
package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// name is that of the daemon's folder and socket.
const name = "reactord"

// Getenv is os.Getenv, or stands in for it.
type Getenv func(string) string

// StateDir is where the daemon keeps its data unless it is told otherwise: where the XDG base
// directory specification wants state that outlives a restart.
func StateDir(getenv Getenv) (string, error) {
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, name), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", name), nil
	}
	return "", errors.New("neither $XDG_STATE_HOME nor $HOME is set")
}

// Sockets are the paths of the daemon's socket. The daemon listens at the first; a client takes the
// first that is there, since it may have been started with less of an environment. They are in
// $XDG_RUNTIME_DIR if that is this user's own folder, as the specification demands (after `sudo` or
// `su` it may be another's), and in the state folder.
func Sockets(getenv Getenv) ([]string, error) {
	var paths []string
	if runtime := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) && owned(runtime) {
		paths = append(paths, filepath.Join(runtime, name, name+".sock"))
	}
	state, err := StateDir(getenv)
	if err == nil {
		paths = append(paths, filepath.Join(state, name+".sock"))
	}
	if len(paths) == 0 {
		return nil, errors.New("$XDG_RUNTIME_DIR is not set to a folder of this user, and " + err.Error())
	}
	return paths, nil
}

// Token is where the daemon that keeps its data in dataDir has its token.
func Token(dataDir string) string { return filepath.Join(dataDir, "token") }

// CheckOwner is an error if the socket at path, or the folder it is in, is another user's than this
// process's: who could put a socket there would be sent what is meant for the daemon.
func CheckOwner(path string) error {
	for _, path := range []string{filepath.Dir(path), path} {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if uid := ownerOf(info); uid != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d, not to user %d who asks", path, uid, os.Geteuid())
		}
	}
	return nil
}

// owned tells whether path is a folder of this process's user.
func owned(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && ownerOf(info) == os.Geteuid()
}

// ownerOf is the user a file belongs to, or -1 if that cannot be told.
func ownerOf(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}
