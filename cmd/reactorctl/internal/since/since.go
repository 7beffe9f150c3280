// Package since reads the times that people give to --since and its like: how long ago, or when.
//
// Everything is pure, except that setting a Flag reads the clock. A Flag is for one goroutine at a time.
package since

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

const day = 24 * time.Hour

// layouts are the ways to write a time. What leaves out the zone is a time of this machine's zone, and a date alone is
// its beginning.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly}

// Parse returns the time that text means: how long before now, or when.
func Parse(text string, now time.Time) (time.Time, error) {
	if ago, ok := parseAgo(text); ok {
		return now.Add(-ago), nil
	}
	for _, layout := range layouts {
		if when, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return when, nil
		}
	}
	return time.Time{}, errors.New("give how long ago, such as 90s, 2h30m or 7d, or a time such as 2026-01-02T15:04:05Z")
}

// parseAgo reads a length of time, which may begin with days.
func parseAgo(text string) (ago time.Duration, ok bool) {
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		ago, err := time.ParseDuration(text)
		return ago, err == nil && ago >= 0
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, false
	}
	if rest != "" {
		if ago, err = time.ParseDuration(rest); err != nil || ago < 0 {
			return 0, false
		}
	}
	whole := time.Duration(n) * day
	return whole + ago, ago <= math.MaxInt64-whole
}

// Flag is a flag whose value is a time, as Parse reads it. It implements pflag.Value.
type Flag struct {
	text string
	time time.Time
}

// Set implements pflag.Value.
func (f *Flag) Set(text string) error {
	when, err := Parse(text, time.Now())
	if err == nil {
		*f = Flag{text, when}
	}
	return err
}

// String returns the value as it was given.
func (f *Flag) String() string { return f.text }

// Type is the name of the flag's value in the help.
func (f *Flag) Type() string { return "TIME" }

// Timestamp returns the time for a message; nil if the flag was not given.
func (f *Flag) Timestamp() *timestamppb.Timestamp {
	if f.time.IsZero() {
		return nil
	}
	return timestamppb.New(f.time)
}
