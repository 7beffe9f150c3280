package policy

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/hostcalls/network"
)

// Name covers names of hosts.
type Name struct{ pattern string } // a canonical name, "*." and one, or "*"

// ParseName parses a name, *.NAME for all names that end so, or * for every name.
func ParseName(s string) (Name, error) {
	if s == "*" {
		return Name{s}, nil
	}
	pattern, err := parseNamePattern(s)
	if err != nil {
		return Name{}, fmt.Errorf("%q is not a name, *.NAME or *: %w", s, err)
	}
	return Name{pattern}, nil
}

// parseNamePattern returns the canonical form of a name or *.NAME.
func parseNamePattern(s string) (string, error) {
	rest, wild := strings.CutPrefix(s, "*.")
	name, err := network.HostName(rest)
	if wild {
		name = "*." + name
	}
	return name, err
}

// String formats the pattern for ParseName.
func (n Name) String() string { return n.pattern }

// CoversOne reports whether a canonical name is covered, if "*." stands for one label, as it does in grants.
func (n Name) CoversOne(name string) bool { return n.pattern == "*" || matchesOne(n.pattern, name) }

// covers reports whether a canonical name is covered, whatever its number of labels.
func (n Name) covers(name string) bool { return n.pattern == "*" || matchesAny(n.pattern, name) }

// includes reports whether n covers all names that other covers.
func (n Name) includes(other Name) bool {
	return n.pattern == "*" || other.pattern != "*" && matchesAll(n.pattern, other.pattern)
}

// matchesAny reports whether a name is the pattern, or ends as the pattern says: with any number of labels for "*".
func matchesAny(pattern, name string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if wild {
		return strings.HasSuffix(name, suffix) && name != suffix
	}
	return name != "" && name == pattern
}

// matchesAll reports whether matchesAny holds for all names of another pattern.
func matchesAll(pattern, other string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if others, ok := strings.CutPrefix(other, "*"); ok {
		return wild && strings.HasSuffix(others, suffix)
	}
	return matchesAny(pattern, other)
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
