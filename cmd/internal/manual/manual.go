// Package manual writes what a package of the project contains besides the binaries: the manual pages and the shell
// completions of a command line, both made from the commands themselves.
package manual

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/reactord/reactord/cmd/internal/version"
)

// Main writes the files of a command line to the folder that args name: manual pages to man1, completions to completions.
func Main(root *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: manual FOLDER")
	}
	return Write(root, args[0])
}

// Write writes the manual pages and completions of root and all commands below it to dir. The date on the pages is that of
// $SOURCE_DATE_EPOCH, if it is set, so that a build can be repeated.
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
