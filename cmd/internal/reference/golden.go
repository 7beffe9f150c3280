package reference

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// UpdateVariable is the environment variable that makes Check write the page instead of comparing it.
const UpdateVariable = "UPDATE_REFERENCE"

// Check compares the page at path with the commands, followed by more sections.
func Check(t *testing.T, root *cobra.Command, path string, more ...string) {
	t.Helper()
	want := strings.Join(append([]string{Markdown(root)}, more...), "\n")
	if os.Getenv(UpdateVariable) != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what --help prints: run the test with %s=1", path, UpdateVariable)
	}
}

// CheckValues finds the flags of root, and of all commands below it, whose help shows a type of Go in place of the value: a
// flag's usage names its value in back quotes, or its pflag.Value does, always in capitals.
func CheckValues(t *testing.T, root *cobra.Command) {
	t.Helper()
	check := func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); value != strings.ToUpper(value) {
				t.Errorf("%s --help shows --%s %s", cmd.CommandPath(), f.Name, value)
			}
		})
	}
	check(root)
	for _, sub := range root.Commands() {
		CheckValues(t, sub)
	}
}

// CheckWidth finds the lines of the help of root, and of all commands below it, that are too wide for 80 columns.
func CheckWidth(t *testing.T, root *cobra.Command) {
	t.Helper()
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	checkWidth(t, root)
}

func checkWidth(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	cmd.InitDefaultHelpFlag()
	for line := range strings.Lines(help(cmd)) {
		if line = strings.TrimSuffix(line, "\n"); screen.Width(line) > 80 {
			t.Errorf("%s --help has a line of %d columns: %s", cmd.CommandPath(), screen.Width(line), line)
		}
	}
	for _, sub := range cmd.Commands() {
		checkWidth(t, sub)
	}
}
