package reference

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
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
