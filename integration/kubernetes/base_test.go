package kubernetes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// base is what the kustomize base has, made from the chart.
func base(t *testing.T) string {
	t.Helper()
	text := "# Made from the Helm chart: UPDATE_BASE=1 go test -run TestBase, in integration/kubernetes.\n"
	for i, o := range render(t, values{"token": values{"ofDaemon": true}}) {
		if i > 0 {
			text += "---\n"
		}
		for line := range strings.Lines(strings.TrimSpace(string(o.yaml)) + "\n") {
			if !strings.Contains(line, "app.kubernetes.io/managed-by") && !strings.Contains(line, "helm.sh/chart") {
				text += line
			}
		}
	}
	return text
}

// The base is what the chart gives.
func TestBase(t *testing.T) {
	file := filepath.Join(baseDir, "reactord.yaml")
	want := base(t)
	if os.Getenv("UPDATE_BASE") != "" {
		write(t, file, want, 0o644)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the chart gives: UPDATE_BASE=1 go test -run TestBase (%v)", file, err)
	}
}
