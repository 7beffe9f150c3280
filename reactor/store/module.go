package store

import (
	"cmp"
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

// IsDigest reports whether s, the name of a module, is a digest or the beginning of one, and not a tag.
func IsDigest(s string) bool { return strings.HasPrefix(s, digestPrefix) }

// MinPrefix is the least number of digits of a Prefix.
const MinPrefix = 6

// Prefix is the beginning of a digest, or a whole one.
type Prefix struct{ digits string }

// ParsePrefix parses MinPrefix or more lower-case hexadecimal digits, with or without "sha256:" before them.
func ParsePrefix(s string) (Prefix, error) {
	digits := strings.TrimPrefix(s, digestPrefix)
	if len(digits) < MinPrefix || len(digits) > hex.EncodedLen(len(Digest{})) || strings.Trim(digits, "0123456789abcdef") != "" {
		return Prefix{}, fmt.Errorf("%q is not a digest: want %d to %d lower-case hexadecimal digits, with or without %q before them",
			s, MinPrefix, hex.EncodedLen(len(Digest{})), digestPrefix)
	}
	return Prefix{digits}, nil
}

// PrefixOf returns all digits of a digest as a Prefix.
func PrefixOf(d Digest) Prefix { return Prefix{d.Hex()} }

// Range returns the least and the greatest digest that begin with the prefix.
func (p Prefix) Range() (first, last Digest) {
	missing := hex.EncodedLen(len(first)) - len(p.digits)
	fill := func(d *Digest, digit string) {
		if _, err := hex.Decode(d[:], []byte(p.digits+strings.Repeat(digit, missing))); err != nil {
			panic(fmt.Sprintf("store: a prefix that was not parsed: %q", p.digits))
		}
	}
	fill(&first, "0")
	fill(&last, "f")
	return first, last
}

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
	Provenance
	// Used is when a workload of the module was last submitted or the module last pushed. It may lag behind by UseStep.
	Used time.Time
}

// Provenance is what pushes say of a module. Each part is that of the last push that had one.
type Provenance struct {
	// Name is for people.
	Name string
	// Artifact is what the module was read from, if that was a registry: its reference by digest.
	Artifact string
	// Signer is the digest of the public key that a signature of the module was verified with.
	Signer string
}

// Over returns p where it says something, and what was said before where it does not.
func (p Provenance) Over(before Provenance) Provenance {
	return Provenance{
		Name: cmp.Or(p.Name, before.Name), Artifact: cmp.Or(p.Artifact, before.Artifact), Signer: cmp.Or(p.Signer, before.Signer),
	}
}

// UseStep is how often a module's use by submissions is noted, so that most submissions write nothing for it.
const UseStep = time.Minute

// NewModule is what is stored of a module beside its bytes.
type NewModule struct {
	Created time.Time
	Info    []byte
	Tag     string // may be empty
	Provenance
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

// UnusedQuery selects a page of modules that nothing refers to.
type UnusedQuery struct {
	// Before selects modules that were last used before that time.
	Before time.Time
	// Token is the Next of the previous page, or empty.
	Token string
	// Limit bounds the page; zero is 100.
	Limit int
}

// ModulePage is one page of a list of modules.
type ModulePage struct {
	Modules []*Module
	Corrupt []*CorruptError
	// Next is empty on the last page.
	Next string
}
