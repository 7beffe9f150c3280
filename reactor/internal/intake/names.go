package intake

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/text"
	"github.com/reactord/reactord/reactor/store"
)

const (
	maxIDBytes   = 128
	maxNameBytes = 128
)

// CheckID checks a workload's id: letters, digits and "._-".
func CheckID(f *errs.Faults, path, id string) {
	switch {
	case len(id) > maxIDBytes:
		f.Add(path, "%d bytes are more than the %d allowed", len(id), maxIDBytes)
	case !isName(id, "._-"):
		f.Add(path, "%q is not an id: letters, digits and \"._-\" are allowed", id)
	}
}

// CheckNewID checks the id of a new workload. It must begin like a word: "." and ".." are not names in a
// path or a URL, and "-x" looks like a flag to a command. Older ids that do not can still be looked up.
func CheckNewID(f *errs.Faults, path, id string) {
	before := len(*f)
	CheckID(f, path, id)
	if len(*f) == before && !beginsAsWord(id) {
		f.Add(path, "%q does not begin with a letter, a digit or \"_\"", id)
	}
}

// CheckNewTag checks a new tag of a module: each part between slashes must begin like a word.
func CheckNewTag(f *errs.Faults, path, tag string) {
	before := len(*f)
	CheckTag(f, path, tag)
	if len(*f) > before {
		return
	}
	for part := range strings.SplitSeq(tag, "/") {
		if !beginsAsWord(part) {
			f.Add(path, "%q has a part between slashes that does not begin with a letter, a digit or \"_\"", tag)
			return
		}
	}
	if _, err := store.ParseDigest("sha256:" + strings.ToLower(tag)); err == nil {
		f.Add(path, "%q is as long as a digest and has its digits only: it would hide the module with that digest", tag)
	}
}

// CheckName checks a name for people, which may be empty: of a workload or a module.
func CheckName(f *errs.Faults, path, name string) { text.Check(f, path, name, maxNameBytes) }

func beginsAsWord(s string) bool {
	return s != "" && isName(s[:1], "_")
}

// climbs reports whether s, read as a path, has parts "." or "..".
func climbs(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// CheckTag checks a tag: letters, digits and "._-/:". It must not look like a digest, because a module is
// named by either.
func CheckTag(f *errs.Faults, path, tag string) {
	switch {
	case tag == "":
		f.Add(path, "a tag must not be empty")
	case len(tag) > maxNameBytes:
		f.Add(path, "%d bytes are more than the %d allowed", len(tag), maxNameBytes)
	case !isName(tag, "._-/:"):
		f.Add(path, "%q is not a tag: letters, digits and \"._-/:\" are allowed", tag)
	case store.IsDigest(tag):
		f.Add(path, "%q begins as a digest does", tag)
	}
}

// isName reports whether s consists of letters, digits and the characters of others.
func isName(s, others string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(others, c))
	})
}

// NewID makes an id of the lower 40 bits of the time in milliseconds and 60 random bits, so that no two
// workloads share it. Ids that are made together are close together in the store's index; fully random ids would
// each dirty a page of their own.
func NewID(now time.Time) string {
	var b [13]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli())<<24)
	rand.Read(b[5:])
	return strings.ToLower(base32.HexEncoding.EncodeToString(b[:])[:20])
}
