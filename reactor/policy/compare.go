package policy

import (
	"net/netip"
	pathpkg "path"
	"slices"
	"strings"
)

// CoversDirs reports whether p allows all folders that other allows. Entries are compared one by one, so it may miss that
// several entries of p together cover one of other; it never says that p covers what it does not.
func (p Policy) CoversDirs(other Policy) bool { return coversAll(p.Dirs, other.Dirs, Dir.includes) }

// CoversListen is CoversDirs for addresses to listen at.
func (p Policy) CoversListen(other Policy) bool {
	return coversAll(p.Listen, other.Listen, Address.includes)
}

// CoversConnect is CoversDirs for connections.
func (p Policy) CoversConnect(other Policy) bool {
	return coversAll(p.Connect, other.Connect, Address.includes)
}

// CoversResolve is CoversDirs for names to look up.
func (p Policy) CoversResolve(other Policy) bool {
	return coversAll(p.Resolve, other.Resolve, Name.includes)
}

// CoversHTTP is CoversDirs for origins of HTTP.
func (p Policy) CoversHTTP(other Policy) bool { return coversAll(p.HTTP, other.HTTP, Origin.includes) }

// CoversSecrets is CoversDirs for secrets.
func (p Policy) CoversSecrets(other Policy) bool {
	return coversAll(p.Secrets, other.Secrets, References.includes)
}

// coversAll reports whether each element of small is included in one of large.
func coversAll[T any](large, small []T, includes func(T, T) bool) bool {
	return !slices.ContainsFunc(small, func(s T) bool {
		return !slices.ContainsFunc(large, func(l T) bool { return includes(l, s) })
	})
}

// includes reports whether d covers all that other covers.
func (d Dir) includes(other Dir) bool {
	if d.pattern == "/" {
		return true
	}
	if other.pattern == "/" {
		return false
	}
	mine, others := strings.Split(d.pattern, "/"), strings.Split(other.pattern, "/")
	if len(others) < len(mine) {
		return false
	}
	for i, part := range mine {
		if part == others[i] || part == "*" {
			continue
		}
		matched, err := pathpkg.Match(part, others[i])
		if _, wild := split("/" + others[i]); wild != nil || err != nil || !matched {
			return false
		}
	}
	return true
}

// includes reports whether a covers all that other covers.
func (a Address) includes(other Address) bool {
	if other.low < a.low || other.high > a.high {
		return false
	}
	switch {
	case a.everyHost():
		return true
	case other.everyHost():
		return false
	case a.name != "" && other.name != "" && matchesAll(a.name, other.name):
		return true
	}
	return len(other.prefixes) > 0 && other.name == "" && coversAll(a.prefixes, other.prefixes, contains)
}

// contains reports whether a range has all addresses of another.
func contains(large, small netip.Prefix) bool {
	return large.Bits() <= small.Bits() && large.Contains(small.Addr())
}
