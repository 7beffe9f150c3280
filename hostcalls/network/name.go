package network

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxName  = 253 // bytes of a name in ASCII, without its last dot
	maxLabel = 63
	// maxUnicodeName bounds a name before it is converted. No longer one can have a form of 253 bytes.
	maxUnicodeName = 4 * maxName
	maxEchoedName  = 64 // bytes of a refused name in its error
)

// unicodeNames converts names to ASCII as browsers do, but leaves it to checkName which characters are allowed: names
// with underscores are in use.
var unicodeNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// HostName returns the canonical form of the name of a host, by which names are compared: in ASCII (IDNA) and lower
// case, without a last dot. An address is no name, in whatever spelling; see [Literal]. The error is a *NameError.
func HostName(text string) (string, error) {
	refuse := func(reason string) (string, error) {
		return "", &NameError{text[:min(len(text), maxEchoedName)], reason}
	}
	switch {
	case len(text) > maxUnicodeName:
		return refuse("it is too long")
	case strings.Contains(text, "%"):
		return refuse("addresses with a zone are not supported")
	}
	name, err := unicodeNames.ToASCII(text)
	if err != nil || !utf8.ValidString(text) {
		return refuse("it has characters that names can't have")
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if reason := checkName(name); reason != "" {
		return refuse(reason)
	}
	return name, nil
}

// checkName returns what is wrong with a name in ASCII and lower case, or nothing.
func checkName(name string) (reason string) {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxName:
		return "it is longer than 253 bytes"
	}
	label := ""
	for label = range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "it has an empty label"
		case len(label) > maxLabel:
			return "it has a label longer than 63 bytes"
		case label[0] == '-' || label[len(label)-1] == '-':
			return `it has a label that begins or ends with "-"`
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return "it has characters that names can't have"
		}
	}
	// 127.1, 0177.0.0.1, 0x7f.0.0.1 and 2130706433 are addresses to some resolvers. No top-level domain is a number.
	if isNumber(label) {
		return "it looks like an address, and is none in the usual spelling"
	}
	return ""
}

// isNumber tells whether a label is a number in a spelling that inet_aton(3) knows.
func isNumber(label string) bool {
	digits, set := label, "0123456789"
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// Literal returns the address that a text is, in the one spelling that each family has: four decimal numbers without
// leading zeros, or hexadecimal groups with colons. An IPv4 address that is written as one of IPv6 is that of IPv4. An
// address with a zone is none.
func Literal(text string) (addr netip.Addr, ok bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// maxAnswers bounds the names and addresses that a process's lookups are remembered by.
const maxAnswers = 256

// answers are names that a process has looked up, with their addresses, the latest last. It is a plain value.
type answers []answer

type answer struct {
	name string
	addr netip.Addr
}

// add remembers that a lookup of name gave addr. If there are too many the oldest is forgotten.
func (a *answers) add(name string, addr netip.Addr) {
	if i := slices.Index(*a, answer{name, addr}); i >= 0 {
		*a = slices.Delete(*a, i, i+1)
	} else if len(*a) == maxAnswers {
		*a = slices.Delete(*a, 0, 1)
	}
	*a = append(*a, answer{name, addr})
}

// names returns the names that led to an address.
func (a answers) names(addr netip.Addr) (names []string) {
	for i := range a {
		if a[i].addr == addr {
			names = append(names, a[i].name)
		}
	}
	return names
}
