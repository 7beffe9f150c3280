package kubernetes

import (
	"fmt"
	"regexp"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// runbook returns what the blocks of YAML in the runbook have: values of the chart, and objects.
func runbook(t *testing.T) (sets map[string]values, objects []object) {
	t.Helper()
	sets = map[string]values{}
	for i, block := range regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```\n").FindAllStringSubmatch(read(t, "../../docs/kubernetes.md"), -1) {
		more, err := split(block[1])
		if err != nil {
			t.Fatalf("%v\n%s", err, block[1])
		}
		if len(more) > 0 {
			objects = append(objects, more...)
			continue
		}
		v := values{}
		if err := yaml.UnmarshalStrict([]byte(block[1]), &v); err != nil {
			t.Fatalf("%v\n%s", err, block[1])
		}
		sets[fmt.Sprintf("the runbook's example %d", i+1)] = v
	}
	return sets, objects
}

// The objects in the runbook have fields that their kind has. Its values are tried with those of the other tests.
func TestRunbook(t *testing.T) {
	sets, objects := runbook(t)
	if len(sets) < 5 || len(objects) != 1 {
		t.Errorf("the runbook has %d sets of values and %d objects", len(sets), len(objects))
	}
	as[corev1.Pod](t, objects, "Pod", "restore")
}
