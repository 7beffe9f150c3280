package quantity

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Max is the largest size and count: the largest that is an int64 too.
const Max = math.MaxInt64

// units has the units by their names in lower case.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}

// binary are the units that FormatSize uses, the largest first.
var binary = []struct {
	name  string
	bytes uint64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// maxLength bounds a text. With two digits of exponent that bounds the work.
const maxLength = 64

var (
	numberForm = regexp.MustCompile(`^[0-9](?:_?[0-9])*(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?$`)
	sizeForm   = regexp.MustCompile(`^(.*?[0-9])\s*([A-Za-z]*)$`)
)

// number returns the value of a number, nil if s is none.
func number(s string) *big.Rat {
	if len(s) > maxLength || !numberForm.MatchString(s) {
		return nil
	}
	n, _ := new(big.Rat).SetString(strings.ReplaceAll(s, "_", ""))
	return n
}

// ParseSize reads a number of bytes such as 65536, 64MiB, 64M or 1.5 GiB.
func ParseSize(s string) (uint64, error) {
	malformed := fmt.Errorf("%q is not a size such as 65536, 64MiB or 1.5GiB", s)
	parts := sizeForm.FindStringSubmatch(strings.TrimSpace(s))
	if parts == nil {
		return 0, malformed
	}
	n := number(parts[1])
	scale, known := units[strings.ToLower(parts[2])]
	if n == nil || !known || scale == 1 && !n.IsInt() {
		return 0, malformed
	}
	n.Mul(n, new(big.Rat).SetInt64(scale))
	bytes := new(big.Int).Quo(n.Num(), n.Denom())
	if !bytes.IsInt64() {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return bytes.Uint64(), nil
}

// FormatSize writes a size in the largest binary unit that it is a whole number of. ParseSize reads it back.
func FormatSize(n uint64) string {
	for _, u := range binary {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatUint(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10)
}

// HumanSize writes a size rounded, for people: 9.5 MiB, 16 MiB.
func HumanSize(n uint64) string { return strings.Replace(humanize.IBytes(n), ".0 ", " ", 1) }

// ParseCount reads a whole number such as 1000, 1_000_000 or 1e9.
func ParseCount(s string) (uint64, error) {
	s = strings.TrimSpace(s)
	n := number(s)
	switch {
	case strings.HasPrefix(s, "-") && number(s[1:]) != nil:
		return 0, fmt.Errorf("%s is too small: at least 0", s)
	case n == nil || !n.IsInt():
		return 0, fmt.Errorf("%q is not a whole number such as 1000, 1_000_000 or 1e9", s)
	case !n.Num().IsInt64():
		return 0, fmt.Errorf("%s is too large: at most %d", s, int64(Max))
	}
	return n.Num().Uint64(), nil
}

// Help says to users what sizes and numbers look like.
const Help = `A size is a number of bytes, or has a unit: 65536, 64KiB, 64K, 1.5GiB. K, M, G and T are powers of
1024 like KiB, MiB, GiB and TiB; kB, MB, GB and TB are powers of 1000. Numbers can be written as
1_000_000 and 1e6 too.`
