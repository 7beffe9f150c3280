package quantity

import (
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"65536", 65536, true},
		{"64KiB", 65536, true},
		{"64 KiB", 65536, true},
		{" 64kib ", 65536, true},
		{"64K", 65536, true},
		{"64k", 65536, true},
		{"64kB", 64000, true},
		{"64KB", 64000, true},
		{"64M", 64 << 20, true},
		{"64m", 64 << 20, true},
		{"64MB", 64e6, true},
		{"1_024MiB", 1 << 30, true},
		{"1.5GiB", 3 << 29, true},
		{"1.5G", 3 << 29, true},
		{"1.1K", 1126, true},
		{"1e6", 1e6, true},
		{"1e+6", 1e6, true},
		{"1E6", 1e6, true},
		{"1.5e3", 1500, true},
		{"1e3MiB", 1000 << 20, true},
		{"1.0", 1, true},
		{"010", 10, true},
		{"1B", 1, true},
		{"8388607TiB", 8388607 << 40, true},
		{"8388608TiB", 0, false},
		{"9223372036854775807", 1<<63 - 1, true},
		{"9223372036854775808", 0, false},
		{"8388607.99999999999999999999TiB", 1<<63 - 1, true},
		{"1e99", 0, false},
		{"1e999999999", 0, false},
		{"1.5", 0, false},
		{"1.5B", 0, false},
		{"1e-3K", 0, false},
		{"1.5.5G", 0, false},
		{"1.e3G", 0, false},
		{".5G", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1__0", 0, false},
		{"_1", 0, false},
		{"0x10", 0, false},
		{"GiB", 0, false},
		{"", 0, false},
		{"12XB", 0, false},
		{"1" + strings.Repeat("0", 100), 0, false},
	} {
		got, err := ParseSize(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseSize(%q) = %d, %v; want %d, ok %t", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func TestParseCount(t *testing.T) {
	for _, tt := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"1000", 1000, true},
		{"1_000_000", 1e6, true},
		{"1e9", 1e9, true},
		{"1e+09", 1e9, true},
		{"2.5e6", 2.5e6, true},
		{"010", 10, true},
		{"9223372036854775807", 1<<63 - 1, true},
		{"9223372036854775808", 0, false},
		{"1.5", 0, false},
		{"1M", 0, false},
		{"-1", 0, false},
		{"0x10", 0, false},
		{"", 0, false},
	} {
		got, err := ParseCount(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseCount(%q) = %d, %v; want %d, ok %t", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func TestFlags(t *testing.T) {
	var small uint32
	var limit int
	for _, tt := range []struct {
		flag interface{ Set(string) error }
		text string
		want string // of the error
	}{
		{CountFlag(&small, 3), "4294967295", ""},
		{CountFlag(&small, 3), "4294967296", "4294967296 is too large: at most 4294967295"},
		{CountFlag(&small, 3), "2", "2 is too small: at least 3"},
		{CountFlag(&small, 3), "-1", "-1 is too small: at least 3"},
		{CountFlag(&limit, 0), "-1", "-1 is too small: at least 0"},
		{CountFlag(&limit, 0), "-x", `"-x" is not a whole number such as 1000, 1_000_000 or 1e9`},
		{SizeFlag(&small, 1), "4GiB", "4GiB is too large: at most 4294967295"},
		{SizeFlag(&small, 1), "0", "0 is too small: at least 1"},
		{SizeFlag(&small, 1), "much", `"much" is not a size such as 65536, 64MiB or 1.5GiB`},
	} {
		got := ""
		if err := tt.flag.Set(tt.text); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
	if small != 4294967295 {
		t.Errorf("a refused value was set: %d", small)
	}
	if got := SizeFlag(&small, 1).String(); got != "4294967295" {
		t.Errorf("%q", got)
	}
}

// What is written is read back as it was.
func FuzzParseSize(f *testing.F) {
	f.Add("1.5GiB")
	f.Add("12")
	f.Add("1e3 kb")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err != nil {
			return
		}
		again, err := ParseSize(FormatSize(n))
		if err != nil || again != n {
			t.Errorf("%q is %d, written %q, which is %d, %v", s, n, FormatSize(n), again, err)
		}
	})
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 2 << 20: "2 MiB", 9961472: "9.5 MiB", 16 << 20: "16 MiB", 17563648: "17 MiB"} {
		if got := HumanSize(n); got != want {
			t.Errorf("HumanSize(%d) = %q, want %q", n, got, want)
		}
	}
}
