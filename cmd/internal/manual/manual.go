// Package manual writes what a package of the project contains besides the binaries: the manual pages and the shell
// completions of a command line, both made from the commands themselves. Tests call it, as they make the references: so
// the binaries do not have what makes pages, and no program is left over that `go install` would install. .ci/manual keeps
// what they write.
package manual

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/reactord/reactord/cmd/internal/version"
)

// FolderVariable is the environment variable that names the folder to which Check writes; it is absolute.
const FolderVariable = "MANUAL_FOLDER"

// Check writes the files of a command line, to a folder that is removed after the test unless one is named, and finds the
// commands that have no page.
func Check(t *testing.T, root *cobra.Command) {
	t.Helper()
	dir := os.Getenv(FolderVariable)
	if dir == "" {
		dir = t.TempDir()
	}
	if err := Write(root, dir); err != nil {
		t.Fatal(err)
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		page := filepath.Join(dir, "man1", strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		if _, err := os.Stat(page); err != nil {
			t.Errorf("%s has no page: %v", cmd.CommandPath(), err)
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				check(sub)
			}
		}
	}
	check(root)
}

// Write writes the manual pages of root and all commands below it to man1 in dir, and their completions to completions. The
// date on the pages is that of $SOURCE_DATE_EPOCH, if it is set, so that a build can be repeated.
func Write(root *cobra.Command, dir string) error {
	pages, completions := filepath.Join(dir, "man1"), filepath.Join(dir, "completions")
	if err := errors.Join(os.MkdirAll(pages, 0o755), os.MkdirAll(completions, 0o755)); err != nil {
		return err
	}
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	err := doc.GenManTree(root, &doc.GenManHeader{
		Section: "1", Source: root.Name() + " " + version.Get().Version, Manual: "reactord's manual",
	}, pages)
	if err != nil {
		return err
	}
	name := filepath.Join(completions, root.Name())
	for _, write := range []func() error{
		func() error { return root.GenBashCompletionFileV2(name+".bash", true) },
		func() error { return root.GenZshCompletionFile(name + ".zsh") },
		func() error { return root.GenFishCompletionFile(name+".fish", true) },
	} {
		if err := write(); err != nil {
			return fmt.Errorf("completions: %w", err)
		}
	}
	return nil
}
