package since

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"10m": "2026-05-06T06:58:09+01:00", "1h30m": "2026-05-06T05:38:09+01:00", "0s": "2026-05-06T07:08:09+01:00",
		"7d": "2026-04-29T07:08:09+01:00", "1d2h": "2026-05-05T05:08:09+01:00", "0d": "2026-05-06T07:08:09+01:00",
		"2026-05-01":                    "2026-05-01T00:00:00+01:00",
		"2026-05-01T10:20:30Z":          "2026-05-01T10:20:30Z",
		"2026-05-01T10:20:30.123+02:00": "2026-05-01T10:20:30.123+02:00",
		"2026-05-01T10:20:30":           "2026-05-01T10:20:30+01:00",
		"2026-05-01T10:20":              "2026-05-01T10:20:00+01:00",
		"2026-05-01 10:20:30":           "2026-05-01T10:20:30+01:00",
		"2026-05-01 10:20":              "2026-05-01T10:20:00+01:00",
	} {
		at, err := Parse(text, now)
		if got := at.Format(time.RFC3339Nano); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "yesterday", "-10m", "10", "2026-13-01", "d", "-1d", "1.5d", "1d-2h", "1dd", "65535d2562000h", "70000d",
	} {
		if at, err := Parse(text, now); err == nil || !strings.Contains(err.Error(), "2h30m") {
			t.Errorf("%q is %v, %v", text, at, err)
		}
	}
}

func TestFlag(t *testing.T) {
	var f Flag
	if f.Timestamp() != nil || f.String() != "" {
		t.Errorf("a flag that was not given is %q, %v", f.String(), f.Timestamp())
	}
	if err := f.Set("2026-05-01T10:20:30Z"); err != nil || f.Timestamp().AsTime().Format(time.RFC3339) != f.String() {
		t.Errorf("%q is %v, %v", f.String(), f.Timestamp().AsTime(), err)
	}
	if err := f.Set("soon"); err == nil || f.String() != "2026-05-01T10:20:30Z" {
		t.Errorf("a bad value makes it %q, %v", f.String(), err)
	}
}
