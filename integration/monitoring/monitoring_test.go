package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// runbook is where the annotations of alerts lead.
const runbook = "https://github.com/reactord/reactord/blob/main/docs/operations.md#"

type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Everything that deploy/ asks for is on a daemon's page, and each alert is explained.
func TestMonitoring(t *testing.T) {
	p := scrape(t)
	t.Run("alerts", func(t *testing.T) { testAlerts(t, p) })
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, p) })
}

func testAlerts(t *testing.T, p page) {
	var all rules
	decoder := yaml.NewDecoder(strings.NewReader(string(read(t, "deploy/prometheus/alerts.yaml"))))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	_, explained, _ := strings.Cut(string(read(t, "docs/operations.md")), "### What each alert means\n")
	explained, _, _ = strings.Cut(explained, "\n## ")
	var headings, alerts []string
	for _, match := range regexp.MustCompile(`(?m)^#### (\w+)$`).FindAllStringSubmatch(explained, -1) {
		headings = append(headings, match[1])
	}
	for _, group := range all.Groups {
		for _, r := range group.Rules {
			alerts = append(alerts, r.Alert)
			if err := p.check(r.Expr); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			if severity := r.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, severity) {
				t.Errorf("%s has the severity %q", r.Alert, severity)
			}
			if url := r.Annotations["runbook_url"]; url != runbook+strings.ToLower(r.Alert) {
				t.Errorf("%s: the runbook is at %s", r.Alert, url)
			}
			for _, name := range []string{"summary", "description"} {
				if err := render(r.Annotations[name]); err != nil || r.Annotations[name] == "" {
					t.Errorf("%s: %s: %v", r.Alert, name, err)
				}
			}
		}
	}
	if len(alerts) == 0 || !slices.Equal(alerts, headings) {
		t.Errorf("the alerts are %q, and docs/operations.md explains %q", alerts, headings)
	}
}

// render returns why Prometheus could not expand an annotation.
func render(text string) error {
	as := func(float64) string { return "" }
	functions := template.FuncMap{"humanize": as, "humanizeDuration": as, "humanizePercentage": as}
	parsed, err := template.New("").Funcs(functions).Option("missingkey=error").Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		return err
	}
	labels := map[string]string{"job": "", "instance": "", "reason": "", "part": ""}
	return parsed.Execute(new(strings.Builder), struct {
		Labels map[string]string
		Value  float64
	}{labels, 1})
}

type panel struct {
	ID          int
	Title, Type string
	Description string
	Datasource  struct{ UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct{ Expr, LegendFormat string }
}

func testDashboard(t *testing.T, p page) {
	var board struct {
		Templating struct {
			List []struct{ Name string }
		}
		Panels []panel
	}
	if err := json.Unmarshal(read(t, "deploy/grafana/reactord.json"), &board); err != nil {
		t.Fatal(err)
	}
	var variables []string
	for _, v := range board.Templating.List {
		variables = append(variables, v.Name)
	}
	if want := []string{"datasource", "job", "instance"}; !slices.Equal(variables, want) {
		t.Errorf("the variables are %q, want %q", variables, want)
	}
	expand := strings.NewReplacer("$__rate_interval", "5m", "$job", "reactord", "$instance", "127.0.0.1:9464")
	ids, rows := make(map[int]bool), 0
	for i, one := range board.Panels {
		if ids[one.ID] {
			t.Errorf("%s has the number of another panel", one.Title)
		}
		ids[one.ID] = true
		for _, other := range board.Panels[:i] {
			if one.overlaps(other) {
				t.Errorf("%s lies upon %s", one.Title, other.Title)
			}
		}
		if one.Type == "row" {
			rows++
			continue
		}
		if one.Datasource.UID != "${datasource}" || one.Description == "" || len(one.Targets) == 0 {
			t.Errorf("%s lacks its data source, its description or its queries", one.Title)
		}
		for _, target := range one.Targets {
			if !strings.Contains(target.Expr, `{job="$job",instance=~"$instance"`) {
				t.Errorf("%s: %s is not about the job and the instances that were chosen", one.Title, target.Expr)
			}
			if err := p.check(expand.Replace(target.Expr)); err != nil {
				t.Errorf("%s: %v", one.Title, err)
			}
		}
	}
	if rows < 2 || len(ids) < 10 {
		t.Errorf("%d panels in %d rows", len(ids), rows)
	}
}

func (p panel) overlaps(q panel) bool {
	a, b := p.GridPos, q.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}
