package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A row of a table in the documents that names settings has the default of each, in the words of --help.
func TestDocumentedDefaults(t *testing.T) {
	flags := Command().Flags()
	setting := regexp.MustCompile("`--([a-z-]+)`")
	checked := 0
	for _, name := range []string{"architecture.md", "security.md"} {
		text, err := os.ReadFile("../../../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			for _, match := range setting.FindAllStringSubmatch(line, -1) {
				flag := flags.Lookup(match[1])
				if flag == nil {
					t.Errorf("%s names --%s, and there is no such setting: %s", name, match[1], line)
					continue
				}
				want := defaultOf(flag.DefValue, flag.Usage)
				if want == "" {
					continue // its default is a clause that the row may put otherwise
				}
				checked++
				if !strings.Contains(plain(line), plain(want)) {
					t.Errorf("the default of --%s is %s, and %s does not say so: %s", match[1], want, name, line)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d defaults were found", checked)
	}
}

// defaultOf is the default of a setting: its value or, where zero stands for one, what the usage says that zero
// is, up to the first comma.
func defaultOf(value, usage string) string {
	if _, zero, ok := strings.Cut(usage, "(0: "); ok {
		zero, _, _ = strings.Cut(zero, ")")
		zero, _, _ = strings.Cut(zero, ",")
		return zero
	}
	if value == "0" || value == "false" {
		return ""
	}
	return value
}

// plain is a text without what numbers are grouped by and without spaces: 1,000 is 1000 and 16 GiB is 16GiB.
func plain(text string) string { return strings.NewReplacer(",", "", " ", "").Replace(text) }
