package names

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// IsVersion reports whether text is a version of Semantic Versioning 2.0, such as "0.2.12" or "1.0.0-rc.1+build".
func IsVersion(text string) bool { return isRelease(text) || versionPattern.MatchString(text) }

// isRelease reports whether text is three numbers, as nearly all versions are.
func isRelease(text string) bool {
	for i := range 3 {
		number, rest, more := strings.Cut(text, ".")
		if !isNumber(number) || more != (i < 2) {
			return false
		}
		text = rest
	}
	return true
}

// isNumber reports whether text is a number without superfluous zeros.
func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == "" && (text[0] != '0' || text == "0")
}

// Track returns the versions that a version is compatible with, by what they begin with: "1" of 1.2.3, "0.2" of 0.2.12,
// "0.0.1" of 0.0.1. A track is its own track, and a version before a release is only compatible with itself: its track is
// empty. The specification calls a track the canonical version.
func Track(version string) string {
	switch {
	case IsTrack(version):
		return version
	case !IsVersion(version) || strings.Contains(version, "-"):
		return ""
	}
	return canonical(version)
}

// canonical cuts a version after its first number that is not 0.
func canonical(version string) string {
	version, _, _ = strings.Cut(version, "+")
	version, _, _ = strings.Cut(version, "-")
	numbers := strings.Split(version, ".")
	for i, number := range numbers {
		if number != "0" {
			return strings.Join(numbers[:i+1], ".")
		}
	}
	return version
}

// IsTrack reports whether text is a track, such as "1", "0.2" or "0.0.1".
func IsTrack(text string) bool {
	numbers := strings.Split(text, ".")
	if len(numbers) > 3 {
		return false
	}
	for i, number := range numbers {
		if !isNumber(number) || i < len(numbers)-1 && number != "0" {
			return false
		}
	}
	return len(numbers) == 3 || numbers[len(numbers)-1] != "0"
}

// IsCanonical reports whether a name has the spelling that the specification calls canonical and gates: with a track that
// is not a version.
func (n Name) IsCanonical() bool { return n.Version != "" && !IsVersion(n.Version) }

// Compatible reports whether something of name n can stand for something of name m, by their names: they are the same, or
// interfaces in compatible versions.
func (n Name) Compatible(m Name) bool {
	if n.Text == m.Text {
		return true
	}
	track := Track(n.Version)
	return n.Kind == Interface && m.Kind == Interface && n.Path == m.Path && track != "" && track == Track(m.Version)
}

// CheckSuffix checks the attribute of a name that has what was cut from its version.
func (n Name) CheckSuffix(suffix string) error {
	full := n.Version + suffix
	switch {
	case !IsTrack(n.Version):
		return errors.New("a version suffix needs a name with the beginning of a version, like wasi:io/poll@0.2")
	case !IsVersion(full):
		return fmt.Errorf("%q is not a version", full)
	case canonical(full) != n.Version:
		return fmt.Errorf("%q is not the beginning of the version %q", n.Version, full)
	}
	return nil
}

// Newer reports whether a version of a track is newer than another one. A track is older than all its versions.
func Newer(version, than string) bool {
	a, b := numbers(version), numbers(than)
	return slices.Compare(a, b) > 0
}

// numbers returns the numbers that a version begins with.
func numbers(version string) []uint64 {
	version, _, _ = strings.Cut(version, "+")
	version, _, _ = strings.Cut(version, "-")
	var list []uint64
	for number := range strings.SplitSeq(version, ".") {
		n, _ := strconv.ParseUint(number, 10, 64) // one that is too large is the largest
		list = append(list, n)
	}
	return list
}
