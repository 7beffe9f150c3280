package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that a document names is there, so that no promise is left without the one that holds it, and so is
// each file and package.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	const root = "../.."
	declared := testsBelow(t, root)
	test := regexp.MustCompile("`((?:Test|Benchmark)[A-Za-z0-9]+)`")
	path := regexp.MustCompile("`((?:cmd|component|docs|examples|executor|hostcalls|integration|internal|proto|reactor)/[A-Za-z0-9_./-]+)`")
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	documents, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("there are no documents: %v", err)
	}
	for _, file := range append(documents, root+"/README.md", root+"/docs/reference/api.md") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, name := string(content), filepath.Base(file)
		for _, match := range test.FindAllStringSubmatch(text, -1) {
			if !declared[match[1]] {
				t.Errorf("%s names %s, and there is no such test", name, match[1])
			}
		}
		for _, match := range path.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "KIND") || strings.HasSuffix(match[1], ".wasm") {
				continue // a name to be chosen, or what is built
			}
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s names %s: %v", name, match[1], err)
			}
		}
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			to := filepath.Join(filepath.Dir(file), match[1])
			if match[1] == "" {
				to = file
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s has a link to %s: %v", name, match[1], err)
			} else if match[2] != "" && !hasHeading(t, to, match[2]) {
				t.Errorf("%s has a link to %s#%s, and there is no such heading", name, match[1], match[2])
			}
		}
	}
}

// hasHeading tells whether a document has a heading with this anchor: its text in small letters, with dashes for
// spaces, without what is neither letter nor digit.
func hasHeading(t *testing.T, file, anchor string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	drop := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for line := range strings.Lines(string(content)) {
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			slug := drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
			if strings.ReplaceAll(slug, " ", "-") == anchor {
				return true
			}
		}
	}
	return strings.Contains(string(content), `name="`+anchor+`"`)
}

// testsBelow are the names of all tests and benchmarks below root.
func testsBelow(t *testing.T, root string) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)[A-Za-z0-9]+)\([tb] `)
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			names[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
