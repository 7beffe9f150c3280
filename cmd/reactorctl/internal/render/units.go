package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/quantity"
)

const day = 24 * time.Hour

// span writes a length of time as kubectl does: in the unit that matters, and one more while that says something.
func span(d time.Duration) string {
	two := func(unit time.Duration, name string, lesser time.Duration, lesserName string) string {
		text := fmt.Sprintf("%d%s", d/unit, name)
		if rest := d % unit / lesser; rest > 0 {
			text += fmt.Sprintf("%d%s", rest, lesserName)
		}
		return text
	}
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 10*time.Minute:
		return two(time.Minute, "m", time.Second, "s")
	case d < 3*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 8*time.Hour:
		return two(time.Hour, "h", time.Minute, "m")
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 8*day:
		return two(day, "d", time.Hour, "h")
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}

// age returns how long ago a time was.
func age(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return span(time.Since(t.AsTime()))
}

// until returns how long it is to a time.
func until(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return span(time.Until(t.AsTime()))
}

// moment returns a time, and how long ago it was.
func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02 15:04:05 MST") + " (" + age(t) + " ago)"
}

// given writes a time that somebody chose, without the units that are zero.
func given(d time.Duration) string {
	text := d.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

// duration writes a time that was measured.
func duration(measured *durationpb.Duration) string {
	d, precision := measured.AsDuration(), time.Second
	switch {
	case d < time.Microsecond:
		return "0s"
	case d < time.Millisecond:
		precision = time.Microsecond
	case d < time.Second:
		precision = 100 * time.Microsecond
	case d < time.Minute:
		precision = 10 * time.Millisecond
	}
	return d.Round(precision).String()
}

// guestTime writes a time of many guests together, which can be more than a time.Duration has room for.
func guestTime(seconds float64) string {
	if days := seconds / day.Seconds(); days >= 2 {
		return comma(uint64(days)) + "d"
	}
	return duration(durationpb.New(time.Duration(seconds * float64(time.Second))))
}

func comma(n uint64) string { return humanize.Comma(int64(n)) }

// Size writes a number of bytes in KiB, MiB and so on.
func Size(n uint64) string { return quantity.HumanSize(n) }
