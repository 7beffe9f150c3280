package policy

import (
	"fmt"
	"strings"
)

// Name covers names of hosts.
type Name struct{ pattern string } // in lower case: a name, "*.NAME", or "*"

// ParseName parses a name, *.NAME for all names that end so, or * for every name.
func ParseName(s string) (Name, error) {
	if s == "*" {
		return Name{s}, nil
	}
	name := canonical(s)
	if !isName(strings.TrimPrefix(name, "*.")) {
		return Name{}, fmt.Errorf("%q is not a name, *.NAME or *", s)
	}
	return Name{name}, nil
}

// String formats the pattern for ParseName.
func (n Name) String() string { return n.pattern }

// CoversOne reports whether a name, in lower case and without a last dot, is covered, if "*." stands for one label, as it
// does in grants.
func (n Name) CoversOne(name string) bool { return n.pattern == "*" || matchesOne(n.pattern, name) }

// covers reports whether a name is covered, whatever its number of labels.
func (n Name) covers(name string) bool {
	return n.pattern == "*" || matchesAny(n.pattern, canonical(name))
}

// includes reports whether n covers all names that other covers.
func (n Name) includes(other Name) bool {
	if n.pattern == "*" || n == other {
		return true
	}
	return other.pattern != "*" && matchesAny(n.pattern, strings.TrimPrefix(other.pattern, "*."))
}

// canonical is the form in which names are compared.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// matchesAny reports whether a name is the pattern, or ends as the pattern says: with any number of labels for "*".
func matchesAny(pattern, name string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if wild {
		return strings.HasSuffix(name, suffix) && name != suffix
	}
	return name != "" && name == pattern
}

// matchesOne is matchesAny with one label for "*".
func matchesOne(pattern, name string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return name != "" && name == pattern
	}
	label, ok := strings.CutSuffix(name, suffix)
	return ok && label != "" && !strings.Contains(label, ".")
}

// IsName reports whether s may be the name of a host.
func IsName(s string) bool { return isName(canonical(s)) }

// isName reports whether s may be the name of a host, in lower case and without the last dot. A name that ends in a number
// is none: to some resolvers it is an address in an odd spelling, such as 0x7f.1.
func isName(s string) bool {
	label := ""
	for label = range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	hex, isHex := strings.CutPrefix(label, "0x")
	return strings.Trim(label, "0123456789") != "" && !(isHex && strings.Trim(hex, "0123456789abcdef") == "")
}
