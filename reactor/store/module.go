package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Digest is a SHA-256 digest.
type Digest [sha256.Size]byte

const digestPrefix = "sha256:"

// DigestOf returns the digest of the bytes.
func DigestOf(p []byte) Digest { return sha256.Sum256(p) }

// ParseDigest parses the form that String returns: "sha256:" and 64 lower-case hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	digits, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(digits) != hex.EncodedLen(len(d)) || strings.ToLower(digits) != digits {
		return Digest{}, fmt.Errorf("%q is not a digest: want %q and %d lower-case hexadecimal digits", s, digestPrefix, hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%q is not a digest: %w", s, err)
	}
	return d, nil
}

// IsDigest reports whether s, the name of a module, is a digest and not a tag.
func IsDigest(s string) bool { return strings.HasPrefix(s, digestPrefix) }

func (d Digest) String() string { return digestPrefix + d.Hex() }

// Hex returns only the 64 digits.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// Module is the record of a stored module.
type Module struct {
	Digest  Digest
	Size    int64
	Created time.Time
	// Info is the reactor's description of the module; the store does not interpret it.
	Info []byte
	Tags []string // sorted
}

// PrefixBytes is the step by which the Prefixes of a Resume grow.
const PrefixBytes = 1 << 20

// Resume says which interrupted uploads an upload may resume. Anybody may have sent those, so only those of
// the same sender are used, or bytes that agree with a known prefix.
type Resume struct {
	// Sender names who uploads; empty if nobody is named.
	Sender string
	// Prefixes are the digests of the first PrefixBytes of the module, of the first 2*PrefixBytes,
	// and so on.
	Prefixes []Digest
}

// ModulePage is one page of a list of modules.
type ModulePage struct {
	Modules []*Module
	Corrupt []*CorruptError
	// Next is empty on the last page.
	Next string
}
