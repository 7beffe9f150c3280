package policy

import (
	"net/netip"
	"slices"
)

// special is a range of addresses that no name leads to for a guest: whoever owns a name decides where it leads, and could
// point it at this machine, at its neighbours, or at the service that gives a cloud's machines their keys. Those addresses
// have to be allowed as such.
type special struct {
	prefix netip.Prefix
	what   string // for people
}

// specials has the special ranges of IPv4 and IPv6, the smaller ranges first: those of the IANA registries that are not
// globally reachable or lead into a tunnel, those that nobody was assigned, and addresses of metadata services.
var specials = specialRanges(map[string][]string{
	"a metadata service": {
		"169.254.169.254/32",                    // most clouds
		"169.254.170.2/32", "169.254.170.23/32", // credentials of AWS containers
		"168.63.129.16/32",   // Azure; it is a public address
		"100.100.100.200/32", // Alibaba
		"192.0.0.192/32",     // Oracle
		"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", "fd00:42::42/128", "fe80::a9fe:a9fe/128",
	},
	"this machine":    {"127.0.0.0/8", "::1/128"},
	"no address":      {"0.0.0.0/8", "::/128"},
	"link-local":      {"169.254.0.0/16", "fe80::/10"},
	"private":         {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"},
	"shared":          {"100.64.0.0/10"},
	"multicast":       {"224.0.0.0/4", "ff00::/8"},
	"broadcast":       {"255.255.255.255/32"},
	"benchmarking":    {"198.18.0.0/15", "2001:2::/48"},
	"documentation":   {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"},
	"IPv4 in IPv6":    {"::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24"},
	"segment routing": {"5f00::/16"},
	"discarded":       {"100::/64", "100:0:0:1::/64"},
	"reserved":        {"192.0.0.0/24", "240.0.0.0/4", "2001::/23", "::/3", "4000::/2", "8000::/1"},
})

func specialRanges(ranges map[string][]string) (list []special) {
	for what, prefixes := range ranges {
		for _, p := range prefixes {
			list = append(list, special{netip.MustParsePrefix(p), what})
		}
	}
	slices.SortFunc(list, func(a, b special) int { return b.prefix.Bits() - a.prefix.Bits() })
	return list
}

// translated is the range in which a network with IPv6 alone writes the addresses of IPv4 that names lead to (RFC 6052).
var translated = netip.MustParsePrefix("64:ff9b::/96")

// IsSpecial reports whether an address has to be allowed as such, since no name that is allowed allows it.
func IsSpecial(a netip.Addr) bool {
	_, ok := specialOf(a)
	return ok
}

// specialOf returns the smallest special range that has an address, and whether there is one. An IPv4 address that is
// written as one of IPv6 belongs to the ranges of IPv4.
func specialOf(a netip.Addr) (special, bool) {
	a = a.WithZone("").Unmap()
	if a.Is4() {
		return smallestOf(a)
	}
	if v4, fixed, ok := embedded(a); ok {
		if s, ok := smallestOf(v4); ok {
			prefix, _ := a.Prefix(fixed + s.prefix.Bits())
			return special{prefix, s.what}, true
		}
		if translated.Contains(a) {
			return special{}, false
		}
	}
	return smallestOf(a)
}

func smallestOf(a netip.Addr) (special, bool) {
	for _, s := range specials {
		if s.prefix.Contains(a) {
			return s, true
		}
	}
	return special{}, false
}

// embedded returns the IPv4 address at the end of an IPv6 address that a translator or a tunnel (ISATAP) sends it to, and
// the number of bits before it.
func embedded(a netip.Addr) (v4 netip.Addr, fixed int, ok bool) {
	b := a.As16()
	isatap := b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
	if !isatap && !translated.Contains(a) {
		return netip.Addr{}, 0, false
	}
	return netip.AddrFrom4([4]byte(b[12:])), 96, true
}
