// Package local says where a user's own daemon is found on this machine: reactord puts its socket and its token
// there, and reactorctl looks for them there, so that neither has to be told.
//
// The functions read the environment they are given and inspect folders; they change nothing.
package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// name is the name of the daemon's folder and socket.
const name = "reactord"

// Getenv is os.Getenv, or stands in for it.
type Getenv func(string) string

// StateDir returns the daemon's default data folder, in the XDG base directory specification's place for state
// that survives a restart.
func StateDir(getenv Getenv) (string, error) {
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, name), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", name), nil
	}
	return "", errors.New("neither $XDG_STATE_HOME nor $HOME is set")
}

// Sockets returns the possible paths of the daemon's socket. The daemon listens at the first; a client uses
// the first that exists, since the daemon may have been started with a smaller environment. They are in
// $XDG_RUNTIME_DIR, if that is this user's own folder as the specification demands (after `sudo` or `su` it may
// be another's), and in the state folder.
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

// Token returns the path of the token of the daemon that keeps its data in dataDir.
func Token(dataDir string) string { return filepath.Join(dataDir, "token") }

// MetricsToken returns the path of the token by which that daemon's metrics are read, and nothing else is done.
func MetricsToken(dataDir string) string { return filepath.Join(dataDir, "metrics-token") }

// FirstToken returns the first token in a file of tokens, one a line; while one is replaced, the one to come is in a further line.
func FirstToken(content []byte) string {
	first, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
	return strings.TrimSpace(first)
}

// CheckOwner returns an error if another user owns the socket at path or its folder: whoever can put a socket
// there would receive what is meant for the daemon.
func CheckOwner(path string) error {
	for _, path := range []string{filepath.Dir(path), path} {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if uid := ownerOf(info); uid != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d, not to user %d, who runs this command", path, uid, os.Geteuid())
		}
	}
	return nil
}

// owned reports whether path is a folder of this process's user.
func owned(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && ownerOf(info) == os.Geteuid()
}

// ownerOf returns the owner of a file, or -1 if it is unknown.
func ownerOf(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}
