package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top folder of the repository.
const root = "../.."

// block is a fenced block of the guide.
type block struct {
	section  string // the heading above it
	language string
	text     string
}

var fence = regexp.MustCompile("(?ms)^(?:#+ ([^\n]*)|```(\\w+)\n(.*?)^```)$")

// guide returns the blocks of docs/clients.md that have a language.
func guide(t *testing.T) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	section := ""
	for _, match := range fence.FindAllStringSubmatch(string(text), -1) {
		if match[1] != "" {
			section = match[1]
			continue
		}
		blocks = append(blocks, block{section, match[2], match[3]})
	}
	return blocks
}

// quickstart returns the commands of a section of the guide.
func quickstart(t *testing.T, section string) string {
	t.Helper()
	blocks := guide(t)
	i := slices.IndexFunc(blocks, func(b block) bool { return b.section == section && b.language == "sh" })
	if i < 0 {
		t.Fatalf("docs/clients.md has no commands in the section %q", section)
	}
	return blocks[i].text
}

// TestQuotes: the guide quotes the programs as they are.
func TestQuotes(t *testing.T) {
	programs := map[string][]string{
		"python":     {"python/run.py", "python/call.py", "python/stream.py"},
		"javascript": {"javascript/run.js", "javascript/call.js", "javascript/stream.js"}, "go": {"go/main.go"},
	}
	quoted := map[string]int{}
	for _, b := range guide(t) {
		if b.language == "sh" {
			continue
		}
		if len(programs[b.language]) == 0 {
			t.Errorf("section %q: a block of %q", b.section, b.language)
			continue
		}
		found := slices.ContainsFunc(programs[b.language], func(name string) bool {
			program, err := os.ReadFile(filepath.Join(root, "examples/clients", name))
			if err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(program), b.text)
		})
		if !found {
			t.Errorf("section %q: this is not in any of %q:\n%s", b.section, programs[b.language], b.text)
		}
		quoted[b.language]++
	}
	for language := range programs {
		if quoted[language] == 0 {
			t.Errorf("nothing of %s is quoted", language)
		}
	}
}
