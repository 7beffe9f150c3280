package learn

import (
	"cmp"
	"slices"
	"strings"

	"github.com/reactord/reactord/reactor/grant"
)

// parseHTTP reads what a recorder has noted of a request: METHOD ORIGIN[/PATH].
func parseHTTP(target string) (g grant.HTTP) {
	if method, rest, ok := strings.Cut(target, " "); ok {
		g.Methods, target = strings.Split(method, ","), rest
	}
	scheme, rest, _ := strings.Cut(target, "://")
	host, path, hasPath := strings.Cut(rest, "/")
	if g.Origin = scheme + "://" + host; hasPath {
		g.PathPrefix = "/" + path
	}
	return g
}

// joinMethods makes one grant of those for one path, and leaves out what a grant for all of an origin includes.
func joinMethods(list []grant.HTTP) (joined []grant.HTTP) {
	slices.SortFunc(list, func(a, b grant.HTTP) int {
		return cmp.Or(strings.Compare(a.Origin, b.Origin), strings.Compare(a.PathPrefix, b.PathPrefix), cmp.Compare(len(a.Methods), len(b.Methods)))
	})
	for _, g := range list {
		last := len(joined) - 1
		switch {
		case last >= 0 && joined[last].Origin == g.Origin && len(joined[last].Methods) == 0 && joined[last].PathPrefix == "":
		case last >= 0 && joined[last].Origin == g.Origin && joined[last].PathPrefix == g.PathPrefix:
			if len(joined[last].Methods) > 0 {
				joined[last].Methods = sorted(append(joined[last].Methods, g.Methods...))
			}
		default:
			joined = append(joined, g)
		}
	}
	return joined
}
