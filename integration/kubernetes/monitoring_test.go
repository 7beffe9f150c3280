package kubernetes

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// copies are files of the chart, which can read no others, and what they are copies of.
var copies = map[string]string{
	"alerts.yaml":   "../../deploy/prometheus/alerts.yaml",
	"reactord.json": "../../deploy/grafana/reactord.json",
}

// The alerts and the dashboard of the chart are those of deploy, and reach the cluster as they are: their own templates are not expanded.
func TestMonitoring(t *testing.T) {
	for name, original := range copies {
		file, want := filepath.Join(chartDir, "files", name), read(t, original)
		if os.Getenv("UPDATE_BASE") != "" {
			write(t, file, want, 0o644)
		}
		if read(t, file) != want {
			t.Errorf("%s is not %s: UPDATE_BASE=1 go test -run TestMonitoring", file, original)
		}
	}
	objects := render(t, everything)
	if got := as[corev1.ConfigMap](t, objects, "ConfigMap", "wasm-node-dashboard"); got.Data["reactord.json"] != read(t, copies["reactord.json"]) ||
		got.Labels["grafana_dashboard"] != "1" {
		t.Errorf("the dashboard is not the file: %+v", got.ObjectMeta)
	}
	var rule struct{ Spec any }
	var want any
	decode(t, find(t, objects, "PrometheusRule"), &rule)
	if err := yaml.Unmarshal([]byte(read(t, copies["alerts.yaml"])), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rule.Spec, want) {
		t.Errorf("the rule has %v, want %v", rule.Spec, want)
	}
}

// serviceMonitor is what is looked at of one.
type serviceMonitor struct {
	Spec struct {
		Endpoints []struct {
			Relabelings []struct{ TargetLabel, Replacement string }
			TLSConfig   struct {
				ServerName string
				Cert       struct{ Secret struct{ Name, Key string } }
				KeySecret  struct{ Name, Key string }
			}
		}
	}
}

// Prometheus finds the daemons under the job that alerts name, whatever they are called, by a name that their certificate has.
func TestServiceMonitor(t *testing.T) {
	var m serviceMonitor
	var certificate struct{ Spec struct{ DNSNames []string } }
	objects := render(t, everything)
	decode(t, find(t, objects, "ServiceMonitor"), &m)
	decode(t, find(t, objects, "Certificate"), &certificate)
	endpoint := m.Spec.Endpoints[0]
	if r := endpoint.Relabelings; len(r) != 1 || r[0].TargetLabel != "job" || r[0].Replacement != "reactord" {
		t.Errorf("it is relabelled with %v", r)
	}
	if c := endpoint.TLSConfig; c.Cert.Secret.Name != "prometheus-tls" || c.Cert.Secret.Key != "tls.crt" || c.KeySecret.Name != "prometheus-tls" || c.KeySecret.Key != "tls.key" {
		t.Errorf("Prometheus shows %+v", c)
	}
	if name := "wasm-node." + namespace + ".svc"; endpoint.TLSConfig.ServerName != name {
		t.Errorf("Prometheus asks for %s, want %s", endpoint.TLSConfig.ServerName, name)
	}
	for _, name := range []string{ // those that docs/kubernetes.md lists
		"wasm-node", "wasm-node." + namespace + ".svc", "wasm-node-headless." + namespace + ".svc", "*.wasm-node-headless." + namespace + ".svc",
	} {
		if !slices.Contains(certificate.Spec.DNSNames, name) {
			t.Errorf("the certificate is for %q, and not for %s", certificate.Spec.DNSNames, name)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode(t *testing.T, o object, into any) {
	t.Helper()
	if err := yaml.Unmarshal(o.yaml, into); err != nil {
		t.Fatal(err)
	}
}
