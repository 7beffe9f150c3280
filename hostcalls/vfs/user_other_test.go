//go:build unix && !linux

package vfs

import (
	"os"
	"testing"
)

// asUser runs body, unless the user is root, who may do anything.
func asUser(t *testing.T, _ string, body func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("root may do anything")
	}
	body()
}
