package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// logged matches the messages of log lines in the code.
var logged = regexp.MustCompile(`(?:\b[lL]og\.(?:Debug|Info|Warn|Error)\(|\bCheck\(level, |return )"((?:workload )?[^"\n]*)"`)

// docs/operations.md says of each line that the daemon logs what it means, and of no other. A row has the message's
// beginning.
func TestLogLinesAreExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]bool) // whether a message begins so
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:debug|info|warn|error)").FindAllStringSubmatch(string(text), -1) {
		rows[row[1]] = false
	}
	messages := 0
	for _, root := range []string{"../../cmd/reactord", "../../reactor"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			code, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range logged.FindAllStringSubmatch(string(code), -1) {
				message := match[1]
				if strings.HasPrefix(match[0], "return") && filepath.Base(path) != "lifelog.go" {
					continue
				}
				messages++
				if !explained(rows, message) {
					t.Errorf("%s logs %q, and docs/operations.md does not say what that means", path, message)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if messages < 40 {
		t.Errorf("only %d messages were found", messages)
	}
	for row, found := range rows {
		if !found {
			t.Errorf("docs/operations.md explains %q, which nothing logs", row)
		}
	}
}

// explained marks the rows that a message begins with: its whole text, or what comes before a colon, a semicolon or a
// comma.
func explained(rows map[string]bool, message string) (ok bool) {
	for row := range rows {
		rest, begins := strings.CutPrefix(message, row)
		if begins && (rest == "" || strings.ContainsAny(rest[:1], ":;,")) {
			rows[row], ok = true, true
		}
	}
	return ok
}
