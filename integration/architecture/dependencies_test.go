package architecture

import (
	"os"
	"regexp"
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
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) // the others are "// indirect"
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	for _, match := range required {
		if !strings.Contains(section, match[1]) {
			t.Errorf("go.mod requires %s, and docs/rationale.md does not say why: add it to the section Dependencies", match[1])
		}
	}
}
