package monitoring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// scraped are the labels that Prometheus adds to what it reads, and made the one of a classic histogram's buckets.
var (
	scraped = []string{"job", "instance"}
	made    = "le"
)

// check returns what is wrong with a query: it can't be parsed, or asks for what is not on the page.
func (p page) check(query string) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return err
	}
	known := append([]string{made}, scraped...)
	var faults []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			there, err := p.labels(s)
			if err != nil {
				faults = append(faults, err.Error())
			}
			known = append(known, there...)
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		var asked []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			asked = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				asked = n.VectorMatching.MatchingLabels
			}
		}
		for _, label := range asked {
			if !slices.Contains(known, label) {
				faults = append(faults, fmt.Sprintf("nothing has a label %s", label))
			}
		}
		return nil
	})
	if len(faults) > 0 {
		return fmt.Errorf("%s: %s", query, strings.Join(faults, "; "))
	}
	return nil
}

// labels returns the labels of what a selector selects, which is an error if that is nothing.
func (p page) labels(s *parser.VectorSelector) (names []string, err error) {
	if s.Name == "up" { // Prometheus's own
		return nil, nil
	}
	f := p[s.Name]
	if f == nil {
		base, classic := strings.CutSuffix(s.Name, "_bucket")
		if f = p[base]; !classic || f.GetMetric()[0].GetHistogram() == nil {
			return nil, fmt.Errorf("there is no %s", s.Name)
		}
	}
	values := make(map[string][]string)
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			values[l.GetName()] = append(values[l.GetName()], l.GetValue())
		}
	}
	for name := range values {
		names = append(names, name)
	}
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel || slices.Contains(scraped, m.Name) {
			continue
		}
		for _, value := range strings.Split(m.Value, "|") {
			if !slices.Contains(values[m.Name], value) {
				return names, fmt.Errorf("no %s has %s=%q", s.Name, m.Name, value)
			}
		}
	}
	return names, nil
}
