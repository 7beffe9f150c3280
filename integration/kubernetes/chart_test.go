package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/integration/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// everything is a set of values that turns on all there is.
var everything = values{
	"replicas": 3, "fullnameOverride": "wasm-node", "labels": values{"team": "a"}, "podLabels": values{"tier": "b"},
	"podAnnotations": values{"x": "y"}, "imagePullSecrets": []any{values{"name": "pull"}},
	"config":      values{"allow-connect": []any{"*.example.org:443"}, "allow-listen": []any{"0.0.0.0:8000"}, "retain": "48h", "workers": 4},
	"token":       values{"value": strings.Repeat("x", 40) + "\n" + strings.Repeat("y", 43) + "\n"},
	"tls":         values{"clientCA": true, "certificate": values{"create": true, "issuerRef": values{"kind": "ClusterIssuer", "name": "internal"}, "dnsNames": []any{"wasm.example.org"}}},
	"service":     values{"type": "LoadBalancer", "port": 443, "annotations": values{"a": "b"}},
	"guestPorts":  []any{values{"name": "web", "port": 8000}, values{"name": "names", "port": 8000, "protocol": "UDP"}},
	"persistence": values{"storageClassName": "fast", "annotations": values{"a": "b"}},
	"networkPolicy": values{
		"from":        []any{values{"namespaceSelector": values{"matchLabels": values{"a": "b"}}}},
		"metricsFrom": []any{values{"podSelector": values{"matchLabels": values{"a": "b"}}}},
		"guestsFrom":  []any{values{"ipBlock": values{"cidr": "10.0.0.0/8"}}},
		"ingress":     []any{values{"ports": []any{values{"port": 9000}}}},
		"egress":      []any{values{"to": []any{values{"ipBlock": values{"cidr": "10.0.0.0/8"}}}}},
	},
	"metrics": values{
		"enabled":        true,
		"serviceMonitor": values{"enabled": true, "labels": values{"release": "prometheus"}, "clientSecret": "prometheus-tls"},
		"prometheusRule": values{"enabled": true, "labels": values{"release": "prometheus"}},
		"dashboard":      values{"enabled": true},
	},
	"podSecurityContext": values{"supplementalGroups": []any{2000}}, "securityContext": values{"privileged": false},
	"probes":      values{"startup": values{"failureThreshold": 900}},
	"autoscaling": values{"enabled": true},
	"env":         []any{values{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"}},
	"volumes":     []any{values{"name": "shared", "emptyDir": values{}}}, "volumeMounts": []any{values{"name": "shared", "mountPath": "/srv"}},
	"nodeSelector": values{"a": "b"}, "tolerations": []any{values{"key": "wasm", "operator": "Exists"}},
	"affinity":                  values{"nodeAffinity": values{}},
	"topologySpreadConstraints": []any{values{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}},
	"priorityClassName":         "high",
}

// manifests are all that is tried.
func manifests(t *testing.T) map[string][]object {
	all := map[string][]object{"the chart": render(t, nil), "the chart with everything": render(t, everything), "the kustomize base": build(t)}
	sets, _ := runbook(t)
	for name, v := range sets {
		all[name] = render(t, v)
	}
	return all
}

func TestLint(t *testing.T) {
	for name, v := range map[string]values{"defaults": nil, "everything": everything} {
		linter := lint.All(chartDir, v, namespace, true)
		for _, m := range linter.Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// Every object has fields that its kind has, and no object is there twice.
func TestManifestsDecode(t *testing.T) {
	for name, objects := range manifests(t) {
		var seen []string
		for _, o := range objects {
			id := o.kind + " " + o.name
			if slices.Contains(seen, id) {
				t.Errorf("%s has %s twice", name, id)
			}
			seen = append(seen, id)
			empty := types[o.kind]
			if empty == nil {
				if !slices.Contains(foreign, o.kind) {
					t.Errorf("%s has a %s, which is not known", name, o.kind)
				}
				continue
			}
			if err := yaml.UnmarshalStrict(o.yaml, empty()); err != nil {
				t.Errorf("%s: %s: %v\n%s", name, id, err, o.yaml)
			}
		}
	}
}

// Wrong values are refused when the chart is rendered, with what is wrong.
func TestWrongValues(t *testing.T) {
	for _, c := range []struct {
		name string
		v    values
		want string
	}{
		{"a misspelt one", values{"replica": 2}, "replica"},
		{"a misspelt one within", values{"tls": values{"secret": "x"}}, "secret"},
		{"of another type", values{"replicas": "two"}, "replicas"},
		{"a short token", values{"token": values{"value": "short"}}, "token.value: "},
		{"a short token in the second line", values{"token": values{"value": strings.Repeat("x", 40) + "\nshort"}}, "token.value: "},
		{"a scrape without a certificate where clients need one", values{
			"tls": values{"clientCA": true}, "metrics": values{"enabled": true, "serviceMonitor": values{"enabled": true}},
		}, "metrics.serviceMonitor.clientSecret"},
		{"a scrape without metrics", values{"metrics": values{"serviceMonitor": values{"enabled": true}}}, "need metrics.enabled"},
		{"alerts without metrics", values{"metrics": values{"prometheusRule": values{"enabled": true}}}, "need metrics.enabled"},
		{"an autoscaler without metrics", values{"autoscaling": values{"enabled": true}}, "autoscaling.metrics: those of pods need metrics.enabled"},
		{"a guest's port that the daemon has", values{"guestPorts": []any{values{"name": "web", "port": 7070}}}, "guestPorts: the port 7070"},
		{"a guest's port with the name of another", values{"guestPorts": []any{values{"name": "grpc", "port": 8000}}}, "guestPorts"},
		{"a shared volume", values{"persistence": values{"accessModes": []any{"ReadWriteMany"}}}, "accessModes"},
		{"a setting that the chart decides", values{"config": values{"listen": "0.0.0.0:1"}}, "config.listen is set by the chart"},
		{"a setting with a wrong name", values{"config": values{"Allow_Dir": "/"}}, "Allow_Dir"},
	} {
		if _, err := tryRender(c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The daemon takes the settings that are rendered.
func TestSettings(t *testing.T) {
	for name, objects := range manifests(t) {
		set := statefulSet(t, objects)
		config := as[corev1.ConfigMap](t, objects, "ConfigMap", configName(t, set)).Data["reactord.yaml"]
		dir := t.TempDir()
		at := newPaths(t, dir)
		file := filepath.Join(dir, "reactord.yaml")
		write(t, file, at.inside(config), 0o600)
		out, err := exec.Command(testkit.Binary(t, "reactord"), "check-config", "--config", file).CombinedOutput() //nolint:gosec // it is ours
		if err != nil || !strings.Contains(string(out), "api-token-file") {
			t.Errorf("%s: %v\n%s\n%s", name, err, config, out)
		}
	}
}

// New settings are new pods: their template changes.
func TestSettingsRollOut(t *testing.T) {
	template := func(v values) string {
		text, err := yaml.Marshal(statefulSet(t, render(t, v)).Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if template(nil) != template(values{"podDisruptionBudget": values{"enabled": false}}) {
		t.Error("the template changes without a reason")
	}
	if template(nil) == template(values{"config": values{"retain": "1h"}}) {
		t.Error("the template stays as it is")
	}
}

// What a pod may do is the least that there is.
func TestPodsAreRestricted(t *testing.T) {
	for name, objects := range manifests(t) {
		pod := statefulSet(t, objects).Spec.Template.Spec
		container := pod.Containers[0]
		s, p := container.SecurityContext, pod.SecurityContext
		switch {
		case !*p.RunAsNonRoot || *p.RunAsUser != imageUser || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault,
			*s.AllowPrivilegeEscalation, !*s.ReadOnlyRootFilesystem, !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}),
			*pod.AutomountServiceAccountToken, pod.HostNetwork, container.Resources.Limits.Memory().IsZero():
			t.Errorf("%s: %+v %+v", name, p, s)
		}
		for _, v := range pod.Volumes {
			if v.HostPath != nil || v.Secret != nil && *v.Secret.DefaultMode != 0o440 {
				t.Errorf("%s: volume %s: %+v", name, v.Name, v.VolumeSource)
			}
		}
		hook := container.Lifecycle.PreStop
		if hook == nil || *pod.TerminationGracePeriodSeconds < 45 {
			t.Errorf("%s: a pod ends within %d s, with the hook %v", name, *pod.TerminationGracePeriodSeconds, hook)
		}
	}
}

func statefulSet(t *testing.T, objects []object) *appsv1.StatefulSet {
	t.Helper()
	return as[appsv1.StatefulSet](t, objects, "StatefulSet", find(t, objects, "StatefulSet").name)
}

// configName is the name of the object that has the settings.
func configName(t *testing.T, set *appsv1.StatefulSet) string {
	t.Helper()
	for _, v := range set.Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil {
			return v.ConfigMap.Name
		}
	}
	t.Fatal("no volume has settings")
	return ""
}
