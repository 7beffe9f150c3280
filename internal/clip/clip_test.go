package clip

import "testing"

func TestText(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"", 0, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc..."},
		{"aü", 3, "aü"},
		{"aü", 2, "a..."},
		{"a\xffb", 3, "ab"},
		{"a\xffbc", 3, "ab..."},
		{"abc", 0, "..."},
	} {
		if got := Text(tt.in, tt.most); got != tt.want {
			t.Errorf("Text(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}
