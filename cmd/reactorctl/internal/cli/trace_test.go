package cli

import (
	"maps"
	"strings"
	"testing"
)

func TestTraceContext(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, tt := range map[string]struct {
		parent, state string
		want          traceContext
	}{
		"none":             {"", "", traceContext{}},
		"a state alone":    {"", "a=b", traceContext{}},
		"a parent":         {parent, "", traceContext{"traceparent": parent}},
		"both":             {parent, "a=b,c=d", traceContext{"traceparent": parent, "tracestate": "a=b,c=d"}},
		"a short parent":   {parent[1:], "a=b", traceContext{}},
		"no number":        {strings.Replace(parent, "0a", "zz", 1), "", traceContext{}},
		"a line in it":     {parent[:54] + "\n", "", traceContext{}},
		"a broken state":   {parent, "a=\n", traceContext{"traceparent": parent}},
		"an endless state": {parent, "a=" + strings.Repeat("b", 600), traceContext{"traceparent": parent}},
	} {
		got := traceContextOf(func(variable string) string {
			return map[string]string{"TRACEPARENT": tt.parent, "TRACESTATE": tt.state}[variable]
		})
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
