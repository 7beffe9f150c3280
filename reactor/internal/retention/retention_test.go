package retention

import (
	"testing"
	"time"
)

// TestBefore says for runs of looks at the clock what may go.
func TestBefore(t *testing.T) {
	const day, hour = 24 * time.Hour, time.Hour
	epoch := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	type look struct {
		wall   time.Duration // since epoch
		uptime time.Duration
		before time.Duration // since epoch
		jump   time.Duration
	}
	for _, tc := range []struct {
		name   string
		former time.Time
		looks  []look
	}{
		{"time passes", time.Time{}, []look{
			{0, 0, -day, 0},
			{time.Minute, time.Minute, time.Minute - day, 0},
			{3 * day, 3 * day, 2 * day, 0},
		}},
		{"a day ahead", time.Time{}, []look{
			{0, 0, -day, 0},
			{day + hour, hour, hour - day, day},
			{day + 2*hour, 2 * hour, 2*hour - day, 0},
			{2*day + hour, day + hour, day + hour, 0}, // all from before have had their day
		}},
		{"twice ahead", time.Time{}, []look{
			{0, 0, -day, 0},
			{day + hour, hour, hour - day, day},
			{3*day + 2*hour, 2 * hour, 2*hour - day, 2 * day},
			{4*day + hour, day + hour, day + hour - day, 0},
			{4*day + 2*hour, day + 2*hour, 3*day + 2*hour, 0},
		}},
		{"slewed", time.Time{}, []look{
			{0, 0, -day, 0},
			{hour + time.Minute, hour, hour + time.Minute - day, 0},
		}},
		{"back", time.Time{}, []look{
			{0, 0, -day, 0},
			{hour - day, hour, hour - 2*day, -day},
			{2*hour - day, 2 * hour, 2*hour - 2*day, 0},
		}},
		{"ahead and back", time.Time{}, []look{
			{0, 0, -day, 0},
			{10*day + hour, hour, hour - day, 10 * day},
			{2 * hour, 2 * hour, 2*hour - 11*day, -10 * day},
			{day + hour, day + hour, hour, 0},
		}},
		{"restarted", epoch, []look{
			{time.Minute, 0, time.Minute - day, 0},
		}},
		{"down for a week, or with a wrong clock", epoch, []look{
			{7 * day, 0, -day, 7 * day},
			{7*day + hour, hour, hour - day, 0},
			{8 * day, day, 7 * day, 0},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := New(day, tc.former)
			for i, l := range tc.looks {
				before, jump := c.Before(epoch.Add(l.wall), l.uptime)
				if want := epoch.Add(l.before); !before.Equal(want) || jump != l.jump {
					t.Errorf("look %d: before %v, jump %v; want %v and %v", i, before.Sub(epoch), jump, l.before, l.jump)
				}
			}
		})
	}
}

// After a jump all from before is kept for as long as results are to be kept now.
func TestSetKeep(t *testing.T) {
	const day, hour = 24 * time.Hour, time.Hour
	epoch := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	c := New(day, time.Time{})
	c.Before(epoch, 0)
	c.Before(epoch.Add(day), 0) // a jump of a day
	for _, look := range []struct{ keep, uptime, before time.Duration }{
		{2 * day, day + hour, hour - day},           // nothing from before the jump has had its two days
		{hour, day + hour, day + hour - hour + day}, // all has had its hour
	} {
		c.SetKeep(look.keep)
		if before, _ := c.Before(epoch.Add(day+look.uptime), look.uptime); !before.Equal(epoch.Add(look.before)) {
			t.Errorf("kept for %v: before %v, want %v", look.keep, before.Sub(epoch), look.before)
		}
	}
}
