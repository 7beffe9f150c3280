// Package selector parses label selectors: lists of requirements that must all hold.
//
//	selector    = [ requirement { "," requirement } ]
//	requirement = key | "!" key | key "=" value | key "!=" value
//	            | key "in" set | key "notin" set
//	set         = "(" value { "," value } ")"
//
// Spaces around keys, operators and values are skipped. As in other selectors, "!=" and "notin" also hold
// if the label is missing. Everything is pure and may be called from any goroutine.
package selector

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/reactor/store"
)

// MaxBytes bounds a key, and a value.
const MaxBytes = 63

// MaxRequirements bounds a selector.
const MaxRequirements = 64

// MaxValues bounds a set of values.
const MaxValues = 64

// Parse parses a selector. The empty one has no requirements.
func Parse(s string) ([]store.Requirement, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var reqs []store.Requirement
	for more := true; more; {
		if len(reqs) == MaxRequirements {
			return nil, fmt.Errorf("there are more than the %d requirements allowed", MaxRequirements)
		}
		var text string
		text, s, more = cutRequirement(s)
		text = strings.TrimSpace(text)
		r, err := parseRequirement(text)
		if err != nil {
			return nil, fmt.Errorf("in requirement %q: %w", text, err)
		}
		reqs = append(reqs, r)
	}
	return reqs, nil
}

// cutRequirement cuts off the first requirement, at the first comma that is not in a set.
func cutRequirement(s string) (first, rest string, more bool) {
	end := strings.IndexByte(s, ',')
	if end < 0 {
		return s, "", false
	}
	if open := strings.IndexByte(s[:end], '('); open >= 0 {
		closing := strings.IndexByte(s, ')')
		if closing < 0 {
			return s, "", false
		}
		next := strings.IndexByte(s[closing:], ',')
		if next < 0 {
			return s, "", false
		}
		end = closing + next
	}
	return s[:end], s[end+1:], true
}

func parseRequirement(s string) (store.Requirement, error) {
	if strings.ContainsAny(s, "()") {
		return parseSet(s)
	}
	var r store.Requirement
	if left, right, ok := strings.Cut(s, "="); ok {
		key, negated := strings.CutSuffix(left, "!")
		r.Key, r.Value = strings.TrimSpace(key), strings.TrimSpace(right)
		if negated {
			r.Op = store.NotEqual
		} else {
			r.Op = store.Equal
		}
	} else if key, negated := strings.CutPrefix(s, "!"); negated {
		r.Key, r.Op = strings.TrimSpace(key), store.NotExists
	} else {
		r.Key, r.Op = s, store.Exists
	}
	if err := CheckKey(r.Key); err != nil {
		return r, err
	}
	return r, CheckValue(r.Value)
}

// parseSet parses a requirement with a set of values. A set of one value is the same as that value.
func parseSet(s string) (store.Requirement, error) {
	left, right, _ := strings.Cut(s, "(")
	words := strings.Fields(left)
	inside, closed := strings.CutSuffix(right, ")")
	if len(words) != 2 || words[1] != "in" && words[1] != "notin" || !closed || strings.TrimSpace(inside) == "" {
		return store.Requirement{}, fmt.Errorf("write a set as KEY in (VALUE, VALUE) or KEY notin (VALUE, VALUE)")
	}
	if n := strings.Count(inside, ",") + 1; n > MaxValues {
		return store.Requirement{}, fmt.Errorf("%d values are more than the %d allowed", n, MaxValues)
	}
	r := store.Requirement{Key: words[0], Op: store.In}
	if words[1] == "notin" {
		r.Op = store.NotIn
	}
	if err := CheckKey(r.Key); err != nil {
		return r, err
	}
	for value := range strings.SplitSeq(inside, ",") {
		value = strings.TrimSpace(value)
		if err := CheckValue(value); err != nil {
			return r, err
		}
		r.Values = append(r.Values, value)
	}
	slices.Sort(r.Values)
	r.Values = slices.Compact(r.Values)
	if len(r.Values) == 1 {
		r.Value, r.Values = r.Values[0], nil
		if r.Op == store.In {
			r.Op = store.Equal
		} else {
			r.Op = store.NotEqual
		}
	}
	return r, nil
}

// CheckKey returns what is wrong with a label's key: letters, digits and "._-/" are allowed.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("a label's key must not be empty")
	}
	return check("key", key)
}

// CheckValue returns what is wrong with a label's value: as for a key, but it may be empty.
func CheckValue(value string) error { return check("value", value) }

func check(what, s string) error {
	if len(s) > MaxBytes {
		return fmt.Errorf("a label's %s has at most %d bytes, and this one has %d", what, MaxBytes, len(s))
	}
	for _, c := range s {
		if !allowed(c) {
			return fmt.Errorf("a label's %s has letters, digits and \"._-/\" only, not %q", what, c)
		}
	}
	return nil
}

func allowed(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '.' || c == '_' || c == '-' || c == '/'
}
