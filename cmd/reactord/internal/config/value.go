package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value reads and writes one setting's field of a Config as text.
type value struct {
	kind  string // what --help calls it
	list  bool   // giving it again adds to it
	alone string // what a flag without a value means; empty: a value is required
	parse func(string) error
	text  func() string
	// number is what limits are compared by; nil if the setting is not a quantity.
	number func() uint64
}

type integer interface {
	~int | ~int64 | ~uint32 | ~uint64
}

// maxOf returns the largest T that is an int64 too.
func maxOf[T integer]() uint64 {
	if T(math.MaxUint32)+1 == 0 {
		return math.MaxUint32
	}
	return math.MaxInt64
}

// sizeIn is a number of bytes, at least least, with or without a unit.
func sizeIn[T integer](p *T, least uint64) value {
	return value{
		kind: "SIZE",
		parse: func(s string) error {
			n, err := parseSize(s)
			if err == nil && n < least {
				err = fmt.Errorf("%s is too small: at least %s", s, formatSize(least))
			}
			if err == nil {
				*p = T(n)
			}
			return err
		},
		text:   func() string { return formatSize(uint64(*p)) },
		number: func() uint64 { return uint64(*p) },
	}
}

// countIn is a number, at least least. Digits may be grouped: 1_000_000.
func countIn[T integer](p *T, least uint64) value {
	return value{
		kind: "N",
		parse: func(s string) error {
			n, err := strconv.ParseUint(s, 0, 64)
			switch {
			case errors.Is(err, strconv.ErrRange) || err == nil && n > maxOf[T]():
				return fmt.Errorf("%s is too large: at most %d", s, maxOf[T]())
			case err != nil:
				return fmt.Errorf("%q is not a whole number", s)
			case n < least:
				return fmt.Errorf("%s is too small: at least %d", s, least)
			}
			*p = T(n)
			return nil
		},
		text:   func() string { return strconv.FormatUint(uint64(*p), 10) },
		number: func() uint64 { return uint64(*p) },
	}
}

// durationIn is a duration. The words stand for durations without a length: "forever".
func durationIn(p *time.Duration, words map[string]time.Duration) value {
	return value{
		kind: "DURATION",
		parse: func(s string) error {
			if d, ok := words[s]; ok {
				*p = d
				return nil
			}
			d, err := time.ParseDuration(s)
			switch {
			case err != nil:
				return fmt.Errorf("%q is not a duration such as 90s or 1h30m%s", s, orWords(words))
			case d < 0:
				return fmt.Errorf("%s is negative", s)
			case d == 0 && words != nil:
				return fmt.Errorf("%s is not a length of time: write a duration such as 24h%s", s, orWords(words))
			}
			*p = d
			return nil
		},
		text: func() string {
			for _, word := range slices.Backward(slices.Sorted(maps.Keys(words))) {
				if words[word] == *p {
					return word
				}
			}
			return formatDuration(*p)
		},
		number: func() uint64 { return uint64(*p) },
	}
}

func orWords(words map[string]time.Duration) string {
	var b strings.Builder
	for _, word := range slices.Sorted(maps.Keys(words)) {
		b.WriteString(", or " + word)
	}
	return b.String()
}

// formatDuration leaves out the units that are zero: 24h, not 24h0m0s.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// listIn is a list separated by commas.
func listIn[T fmt.Stringer](kind string, p *[]T, parse func(string) (T, error)) value {
	return value{
		kind: kind,
		list: true,
		parse: func(s string) error {
			var list []T
			var faults []error
			for part := range strings.SplitSeq(s, ",") {
				part = strings.TrimSpace(part)
				if part == "" {
					continue
				}
				element, err := parse(part)
				if err != nil {
					faults = append(faults, err)
					continue
				}
				list = append(list, element)
			}
			*p = list
			return errors.Join(faults...)
		},
		text: func() string {
			texts := make([]string, len(*p))
			for i, element := range *p {
				texts[i] = element.String()
			}
			return strings.Join(texts, ",")
		},
	}
}

// switchIn is a boolean. A flag without a value turns it on.
func switchIn(p *bool) value {
	return value{
		kind:  "bool",
		alone: "true",
		parse: func(s string) error {
			on, err := strconv.ParseBool(s)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", s)
			}
			*p = on
			return nil
		},
		text: func() string { return strconv.FormatBool(*p) },
	}
}

// choiceIn is one of a few words.
func choiceIn[T ~string](p *T, choices ...T) value {
	return value{
		kind: "WORD",
		parse: func(s string) error {
			names := make([]string, len(choices))
			for i, c := range choices {
				if s == string(c) {
					*p = c
					return nil
				}
				names[i] = string(c)
			}
			return fmt.Errorf("%q is not one of %s", s, strings.Join(names, ", "))
		},
		text: func() string { return string(*p) },
	}
}

var units = []struct {
	name  string
	bytes uint64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3},
	{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"k", 1 << 10},
	{"B", 1},
}

// parseSize reads a number of bytes such as 65536, 64KiB, 64 MiB, 1.5GB.
func parseSize(s string) (uint64, error) {
	digits, scale := strings.TrimSpace(s), uint64(1)
	for _, u := range units {
		if head, ok := strings.CutSuffix(digits, u.name); ok {
			digits, scale = strings.TrimSpace(head), u.bytes
			break
		}
	}
	whole, fraction, dotted := strings.Cut(digits, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is too large", s)
	}
	if err != nil || dotted && (scale == 1 || !isDigits(fraction)) {
		return 0, fmt.Errorf("%q is not a size such as 65536, 64KiB, 512MiB or 1.5GiB", s)
	}
	if n > math.MaxInt64/scale {
		return 0, fmt.Errorf("%q is too large", s)
	}
	bytes := n * scale
	if dotted {
		part, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a size", s)
		}
		bytes += uint64(part * float64(scale))
	}
	if bytes > math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return bytes, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// formatSize writes a size in the largest binary unit that it is a whole number of.
func formatSize(n uint64) string {
	for _, u := range units[:4] {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatUint(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10)
}
