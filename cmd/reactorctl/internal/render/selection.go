package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/theory/jsonpath"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// parsePath parses a JSONPath (RFC 9535). As in kubectl, it may be in braces and lack the $.
func parsePath(text string) (*jsonpath.Path, error) {
	path := strings.TrimSpace(text)
	if inside, ok := strings.CutPrefix(path, "{"); ok {
		if inside, ok = strings.CutSuffix(inside, "}"); ok {
			path = inside
		}
	}
	if !strings.HasPrefix(path, "$") {
		path = "$" + path
	}
	parsed, err := jsonpath.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("%q is not a JSONPath such as $.workloads[*].id", text)
	}
	return parsed, nil
}

// selection prints what the format selects of a JSON text: each value in a line, strings without quotes.
func (f *Format) selection(w io.Writer, text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	var selected []any
	if f.path != nil {
		selected = f.path.Select(value)
	} else {
		selected, _ = names(value)
	}
	for _, one := range selected {
		line, ok := one.(string)
		if !ok {
			text, err := json.Marshal(one)
			if err != nil {
				return err
			}
			line = string(text)
		}
		if _, err := fmt.Fprintln(w, printable.Text(line)); err != nil {
			return err
		}
	}
	return nil
}

// names returns the ids and digests in a message or a list of messages. ok is false if it is about other things.
func names(value any) (found []any, ok bool) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			inside, _ := names(element)
			found = append(found, inside...)
		}
		return found, true
	case map[string]any:
		for _, key := range []string{"id", "digest", "workloadId"} {
			if name, ok := value[key].(string); ok {
				return []any{name}, true
			}
		}
		for _, key := range []string{"workloads", "workload", "modules", "module", "ops", "results"} {
			if inside, ok := names(value[key]); ok {
				return inside, true
			}
		}
	}
	return nil, false
}
