package registries

import (
	"fmt"
	"sync/atomic"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/internal/smallfile"
)

// Path is the path of a file.
type Path string

// String returns the path.
func (p Path) String() string { return string(p) }

// Signers are those who may sign modules: the keys in some files. Without files a module needs no signature.
type Signers struct {
	files []Path
	// accepted has the ids of the keys that were last read. Who has signed a module was noted when it was fetched, so that to
	// admit it takes no reading.
	accepted atomic.Pointer[map[string]bool]
}

// NewSigners makes signers of the keys that are in files now.
func NewSigners(files []Path) (*Signers, error) {
	s := &Signers{files: files}
	keys, err := s.Read()
	s.Accept(keys)
	return s, err
}

// Needed reports whether modules have to be signed.
func (s *Signers) Needed() bool { return len(s.files) > 0 }

// Admits reports whether a module may be run that a signer has signed: the id of a key, or empty for a module without a signature.
func (s *Signers) Admits(signer string) bool { return !s.Needed() || (*s.accepted.Load())[signer] }

// Read reads the keys, for Accept.
func (s *Signers) Read() ([]oci.Key, error) { return readKeys(s.files) }

// Accept has modules admitted that were signed with one of keys, and no others.
func (s *Signers) Accept(keys []oci.Key) {
	accepted := make(map[string]bool, len(keys))
	for _, key := range keys {
		accepted[key.ID()] = true
	}
	s.accepted.Store(&accepted)
}

func readKeys(files []Path) (keys []oci.Key, err error) {
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
