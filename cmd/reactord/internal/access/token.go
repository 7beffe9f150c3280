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
	"strings"
	"syscall"
)

// tokenBytes are the random bytes of a token; leastToken are the characters of one that somebody
// else made, and mostToken those of any.
const (
	tokenBytes = 32
	leastToken = 32
	mostToken  = 4096
)

// Token is the daemon's token. It keeps only a hash, which is what is compared: in constant time,
// and as long whatever is compared with it.
type Token struct{ hash [sha256.Size]byte }

func newToken(text string) *Token { return &Token{sha256.Sum256([]byte(text))} }

// Equal tells in constant time whether text is the token.
func (t *Token) Equal(text string) bool {
	hash := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(t.hash[:], hash[:]) == 1
}

// LoadToken reads the token at path, or makes one there if there is nothing. A file that others could
// read or have written is refused: its token may be known.
func LoadToken(path string) (*Token, error) {
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := makeToken(path); err != nil {
		return nil, fmt.Errorf("cannot make a token: %w", err)
	}
	return readToken(path) // another daemon's, if that was faster
}

func readToken(path string) (*Token, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // a FIFO must not hold the start up
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	fault := func(format string, args ...any) (*Token, error) {
		return nil, fmt.Errorf("the token file %s %s: remove it, and a new token is made at the next start", path, fmt.Sprintf(format, args...))
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fault("is not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return fault("has mode %04o, so that others may know it", info.Mode().Perm())
	case owner != nil && int(owner.Uid) != os.Geteuid():
		return fault("belongs to user %d", owner.Uid)
	}
	text, err := io.ReadAll(io.LimitReader(f, mostToken+1))
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	switch {
	case len(token) < leastToken || len(text) > mostToken:
		return fault("has a token of %d characters, which is not from %d to %d", len(token), leastToken, mostToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fault("has characters that metadata cannot carry")
	}
	return newToken(token), nil
}

// makeToken writes a new token at path unless there is a file. It is there as a whole or not at all,
// for its owner only from the beginning.
func makeToken(path string) error {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".token-*") // of mode 0600, whatever the umask
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has another name by then, or is of no use
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(random[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a folder outlast a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
