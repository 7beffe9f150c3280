package manual

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWrite(t *testing.T) {
	t.Setenv(FolderVariable, "")
	t.Setenv("SOURCE_DATE_EPOCH", "0")
	root := &cobra.Command{Use: "do", Short: "Do things"}
	root.AddCommand(
		&cobra.Command{Use: "it", Short: "Do it", Long: "Do it well.", RunE: func(*cobra.Command, []string) error { return nil }},
		&cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}},
	)
	dir := t.TempDir()
	if err := Write(root, dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, pattern := range []string{"man1/*", "completions/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			got = append(got, strings.TrimPrefix(path, dir+"/"))
		}
	}
	for _, want := range []string{"man1/do.1", "man1/do-it.1", "completions/do.bash", "completions/do.zsh", "completions/do.fish"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	if slices.Contains(got, "man1/do-secret.1") {
		t.Error("a hidden command has a page")
	}
	page, err := os.ReadFile(filepath.Join(dir, "man1", "do-it.1"))
	if err != nil || !strings.Contains(string(page), "Do it well.") || !strings.Contains(string(page), "Jan 1970") {
		t.Errorf("the page is %s, %v", page, err)
	}
	Check(t, root)
}
