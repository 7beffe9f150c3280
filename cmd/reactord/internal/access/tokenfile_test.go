package access

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// write puts a file in place as a whole, and with a time of its own.
func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(next, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func TestReadTokens(t *testing.T) {
	one, two := strings.Repeat("a", leastToken), strings.Repeat("b", leastToken)
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string // of the error; empty: none
	}{
		{"one", one, 0o600, ""},
		{"two, and empty lines", "\n" + one + "\r\n\n" + two + "\n", 0o440, ""},
		{"none", " \n", 0o600, "has 0 tokens"},
		{"too many", strings.Repeat(one+"\n", mostTokens+1), 0o600, "has 17 tokens"},
		{"a short one", one + "\nshort\n", 0o600, "a token of 5 characters"},
		{"not for metadata", strings.Repeat("ä", leastToken), 0o600, "not allowed in metadata"},
		{"read by all", one, 0o644, "mode 0644"},
		{"written by a group", one, 0o660, "mode 0660"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			write(t, path, c.text, c.mode)
			tokens, err := ReadTokens(path)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			}
			if err != nil || !tokens.Equal(one) || tokens.Equal(two) != strings.Contains(c.text, two) || tokens.Equal("") {
				t.Errorf("%v, %v", tokens, err)
			}
		})
	}
	for _, missing := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if _, err := ReadTokens(missing); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v", missing, err)
		}
	}
}

// A file that changes is read again, through links, as a mounted secret changes; one that can't be used changes nothing.
func TestFollowTokens(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	version := func(name, text string) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "token"), text, 0o440)
		next := filepath.Join(dir, "next")
		if err := os.Symlink(filepath.Join(name, "token"), next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	one, two := strings.Repeat("a", leastToken), strings.Repeat("b", leastToken)
	version("1", one)
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.ErrorLevel)
		var changes []*Token
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { FollowTokens(ctx, path, zap.New(core), func(k *Token) { changes = append(changes, k) }) })
		pass := func() {
			time.Sleep(5 * followEvery)
			synctest.Wait()
		}
		if pass(); len(changes) != 1 || !changes[0].Equal(one) || logs.Len() > 0 {
			t.Errorf("at first: %v, %v", changes, logs.All())
		}
		version("2", "broken")
		if pass(); len(changes) != 1 || logs.Len() != 1 {
			t.Errorf("of a broken file: %v, %v", changes, logs.All())
		}
		version("3", one+"\n"+two)
		if pass(); len(changes) != 2 || !changes[1].Equal(one) || !changes[1].Equal(two) || logs.Len() != 1 {
			t.Errorf("of the next: %v, %v", changes, logs.All())
		}
		cancel()
		wg.Wait()
	})
}
