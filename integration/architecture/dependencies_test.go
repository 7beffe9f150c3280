package architecture

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// docs/rationale.md has the reason for each module that go.mod requires directly.
func TestDependenciesHaveReasons(t *testing.T) {
	text, err := os.ReadFile("../../docs/rationale.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Dependencies\n")
	if !ok {
		t.Fatal("docs/rationale.md has no section Dependencies")
	}
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, required := range mod.Require {
		if !required.Indirect && !strings.Contains(section, required.Path) {
			t.Errorf("go.mod requires %s, and docs/rationale.md does not say why: add it to the section Dependencies", required.Path)
		}
	}
}
