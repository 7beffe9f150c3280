package registries

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/internal/smallfile"
)

// Path is the path of a file.
type Path string

// String returns the path.
func (p Path) String() string { return string(p) }

// Signers are those who may sign modules: the keys in some files. Without files a module needs no signature.
type Signers struct{ current atomic.Pointer[signers] }

// signers are those of one reading of the files.
type signers struct {
	files []Path
	// ids are those of the keys. Who has signed a module was noted when it was fetched, so that to admit it takes no reading.
	ids map[string]bool
}

// NewSigners makes signers of the keys that are in files now.
func NewSigners(files []Path) (*Signers, error) {
	s := &Signers{}
	keys, err := ReadKeys(files)
	s.Accept(files, keys)
	return s, err
}

// Needed reports whether modules have to be signed.
func (s *Signers) Needed() bool { return len(s.current.Load().files) > 0 }

// Admits reports whether a module may be run that a signer has signed: the id of a key, or empty for a module without a signature.
func (s *Signers) Admits(signer string) bool {
	now := s.current.Load()
	return len(now.files) == 0 || now.ids[signer]
}

// Accept has modules admitted from now on that were signed with one of keys, which were read from files, and no others.
func (s *Signers) Accept(files []Path, keys []oci.Key) { s.current.Store(newSigners(files, keys)) }

func newSigners(files []Path, keys []oci.Key) *signers {
	now := &signers{files: slices.Clone(files), ids: make(map[string]bool, len(keys))}
	for _, key := range keys {
		now.ids[key.ID()] = true
	}
	return now
}

// read reads the keys again, which are then the ones that are accepted, unless there are other files meanwhile.
func (s *Signers) read() ([]oci.Key, error) {
	before := s.current.Load()
	keys, err := ReadKeys(before.files)
	if err == nil {
		s.current.CompareAndSwap(before, newSigners(before.files, keys))
	}
	return keys, err
}

// ReadKeys reads the keys in files.
func ReadKeys(files []Path) (keys []oci.Key, err error) {
	for _, path := range files {
		text, err := smallfile.ReadRegular(string(path))
		if err != nil {
			return nil, fmt.Errorf("--require-signature: %w", err)
		}
		key, err := oci.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("--require-signature %s: %w", path, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Laxer reports whether the keys in some files let more be run than those in others.
func Laxer(before, after []Path) bool {
	if len(before) == 0 {
		return false
	}
	return len(after) == 0 || slices.ContainsFunc(after, func(path Path) bool { return !slices.Contains(before, path) })
}
