package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reactord/reactord/cmd/internal/quantity"
)

// value reads and writes one setting's field of a Config as text.
type value struct {
	kind  string // what --help calls it
	list  bool   // giving it again adds to it
	alone string // what a flag without a value means; empty: a value is required
	parse func(string) error
	text  func() string
	// rounded is text for people; nil if that is no other.
	rounded func() string
	// number is what limits are compared by; nil if the setting is not a quantity.
	number func() uint64
}

// sizeIn is a number of bytes, at least least.
func sizeIn[T quantity.Integer](p *T, least uint64) value {
	return value{
		kind:    "SIZE",
		parse:   quantity.SizeFlag(p, least).Set,
		text:    func() string { return quantity.FormatSize(uint64(*p)) },
		rounded: func() string { return strings.ReplaceAll(quantity.HumanSize(uint64(*p)), " ", "") },
		number:  func() uint64 { return uint64(*p) },
	}
}

// countIn is a number, at least least.
func countIn[T quantity.Integer](p *T, least uint64) value {
	flag := quantity.CountFlag(p, least)
	return value{kind: "N", parse: flag.Set, text: flag.String, number: func() uint64 { return uint64(*p) }}
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
