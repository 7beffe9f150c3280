// Package clip cuts text that somebody else has chosen the length of, for messages and logs. It is pure.
package clip

import "strings"

// Text returns s if it has at most so many bytes, and else its beginning, cut between two characters and followed by
// "...". What it returns is valid UTF-8: bytes that are not are left out.
func Text(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "")
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
