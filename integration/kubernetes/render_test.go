package kubernetes

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	chartDir  = "../../deploy/helm/reactord"
	baseDir   = "../../deploy/kustomize"
	namespace = "wasm"
)

// values are those of a chart.
type values = map[string]any

// object is one that a manifest has.
type object struct {
	kind, name string
	yaml       []byte
}

// tryRender renders the chart.
func tryRender(v values) ([]object, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "reactord", Namespace: namespace, IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(chart, v, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		more, err := split(files[name])
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

func render(t *testing.T, v values) []object {
	t.Helper()
	objects, err := tryRender(v)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// build builds the kustomize base.
func build(t *testing.T) []object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), baseDir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := split(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// split returns the objects of a file.
func split(text string) (objects []object, err error) {
	for document := range strings.SplitSeq(text, "\n---") {
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return nil, err
		}
		if head.Kind != "" {
			objects = append(objects, object{head.Kind, head.Metadata.Name, []byte(document)})
		}
	}
	return objects, nil
}

// types has the kinds that are decoded strictly: a field that does not exist is an error.
var types = map[string]func() any{
	"ConfigMap":               func() any { return &corev1.ConfigMap{} },
	"HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"NetworkPolicy":           func() any { return &networkingv1.NetworkPolicy{} },
	"PodDisruptionBudget":     func() any { return &policyv1.PodDisruptionBudget{} },
	"Secret":                  func() any { return &corev1.Secret{} },
	"Service":                 func() any { return &corev1.Service{} },
	"ServiceAccount":          func() any { return &corev1.ServiceAccount{} },
	"StatefulSet":             func() any { return &appsv1.StatefulSet{} },
}

// foreign are kinds of other projects, whose types are not here.
var foreign = []string{"Certificate", "PrometheusRule", "ServiceMonitor"}

// find returns the first object of a kind.
func find(t *testing.T, objects []object, kind string) object {
	t.Helper()
	for _, o := range objects {
		if o.kind == kind {
			return o
		}
	}
	t.Fatalf("there is no %s", kind)
	return object{}
}

// as returns the object of a kind and name. Its type is that of the kind.
func as[T any](t *testing.T, objects []object, kind, name string) *T {
	t.Helper()
	for _, o := range objects {
		if o.kind == kind && o.name == name {
			into := new(T)
			if err := yaml.UnmarshalStrict(o.yaml, into); err != nil {
				t.Fatalf("%s %s: %v", kind, name, err)
			}
			return into
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}
