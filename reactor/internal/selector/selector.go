// Package selector parses label selectors: lists of requirements that must all hold.
//
//	selector    = [ requirement { "," requirement } ]
//	requirement = key | "!" key | key "=" value | key "!=" value
//
// Spaces around keys, operators and values are skipped. As in other selectors, "!=" also holds
// if the label is missing. Everything is pure and may be called from any goroutine.
package selector

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/reactor/store"
)

// MaxBytes bounds a key, and a value.
const MaxBytes = 63

// MaxRequirements bounds a selector.
const MaxRequirements = 64

// Parse parses a selector. The empty one has no requirements.
func Parse(s string) ([]store.Requirement, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	parts := strings.Split(s, ",")
	if len(parts) > MaxRequirements {
		return nil, fmt.Errorf("%d requirements are more than the %d allowed", len(parts), MaxRequirements)
	}
	reqs := make([]store.Requirement, 0, len(parts))
	for _, part := range parts {
		r, err := parseRequirement(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		reqs = append(reqs, r)
	}
	return reqs, nil
}

func parseRequirement(s string) (store.Requirement, error) {
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
		return r, fmt.Errorf("in requirement %q: %w", s, err)
	}
	if err := CheckValue(r.Value); err != nil {
		return r, fmt.Errorf("in requirement %q: %w", s, err)
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
