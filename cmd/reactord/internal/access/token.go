package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// tokenBytes is how many random bytes a token has. leastToken and mostToken bound the characters of a token,
// which somebody else may have made.
const (
	tokenBytes = 32
	leastToken = 32
	mostToken  = 4096
)

// Token is the daemon's token, or several, each of which is as good. It keeps only hashes: comparing hashes takes the same time
// whatever the other text is.
type Token struct{ hashes [][sha256.Size]byte }

func newToken(text string) *Token {
	t := &Token{}
	t.add(text)
	return t
}

func (t *Token) add(text string) { t.hashes = append(t.hashes, sha256.Sum256([]byte(text))) }

func (t *Token) same(u *Token) bool { return slices.Equal(t.hashes, u.hashes) }

// Shares reports whether one text is a token of both.
func (t *Token) Shares(u *Token) bool {
	return slices.ContainsFunc(t.hashes, func(hash [sha256.Size]byte) bool { return slices.Contains(u.hashes, hash) })
}

// Equal reports in constant time whether text is the token.
func (t *Token) Equal(text string) bool {
	hash, equal := sha256.Sum256([]byte(text)), 0
	for i := range t.hashes {
		equal |= subtle.ConstantTimeCompare(t.hashes[i][:], hash[:])
	}
	return equal == 1
}

// LoadToken reads the token at path, or makes one if there is no file. It refuses a file that others could
// read or have written, since they may know the token.
func LoadToken(path string) (*Token, error) {
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := makeToken(path); err != nil {
		return nil, fmt.Errorf("cannot make a token: %w", err)
	}
	return readToken(path) // of another daemon, if that one was faster
}

// CheckToken returns what is wrong with the token at path, if there is one. It makes none.
func CheckToken(path string) error {
	if _, err := readToken(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func readToken(path string) (*Token, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // non-blocking: a FIFO must not delay the start
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	fault := func(format string, args ...any) (*Token, error) {
		return nil, fmt.Errorf("the token file %s %w: remove it, and a new token is made at the next start", path, fmt.Errorf(format, args...))
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fault("is not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return fault("has mode %04o, so others may know the token", info.Mode().Perm())
	case owner != nil && int(owner.Uid) != os.Geteuid():
		return fault("belongs to user %d", owner.Uid)
	}
	text, err := io.ReadAll(io.LimitReader(f, mostToken+1))
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	if err := checkToken(token); err != nil {
		return fault("%w", err)
	}
	return newToken(token), nil
}

// makeToken writes a new token at path unless there is a file. The file appears complete or not at all, and
// only its owner can ever read it.
func makeToken(path string) error {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".token-*") // its mode is 0600, whatever the umask
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // linked to path by then, or useless
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(random[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a folder survive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
