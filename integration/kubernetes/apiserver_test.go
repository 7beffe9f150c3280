package kubernetes

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// resources are where the API server has the objects of each kind in a namespace.
var resources = map[string]string{
	"ConfigMap":               "/api/v1/namespaces/NAMESPACE/configmaps/",
	"HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/NAMESPACE/horizontalpodautoscalers/",
	"NetworkPolicy":           "/apis/networking.k8s.io/v1/namespaces/NAMESPACE/networkpolicies/",
	"PodDisruptionBudget":     "/apis/policy/v1/namespaces/NAMESPACE/poddisruptionbudgets/",
	"Secret":                  "/api/v1/namespaces/NAMESPACE/secrets/",
	"Service":                 "/api/v1/namespaces/NAMESPACE/services/",
	"ServiceAccount":          "/api/v1/namespaces/NAMESPACE/serviceaccounts/",
	"StatefulSet":             "/apis/apps/v1/namespaces/NAMESPACE/statefulsets/",
}

// apiServer is a running API server.
type apiServer struct {
	*testing.T
	base      string
	client    *http.Client
	log       string // a file
	namespace string
}

const adminToken = "admin-of-this-test"

// startAPIServer starts etcd and an API server at loopback.
func startAPIServer(t *testing.T) *apiServer {
	dir := os.Getenv("KUBE_APISERVER_DIR")
	if dir == "" {
		t.Skip("no API server: ./apiserver.sh builds one, and KUBE_APISERVER_DIR names its folder")
	}
	work := t.TempDir()
	file := func(name string) string { return filepath.Join(work, name) }
	client, peer, port := freePort(t), freePort(t), freePort(t)
	run(t, file("etcd.log"), filepath.Join(dir, "etcd"), "--data-dir="+file("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=http://"+client, "--advertise-client-urls=http://"+client,
		"--listen-peer-urls=http://"+peer, "--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=default=http://"+peer)
	write(t, file("tokens"), adminToken+`,admin,1,"system:masters"`+"\n", 0o600)
	authority := testkit.NewAuthority(t)
	authority.Issue("localhost", file("tls.crt"), file("tls.key"))
	serviceAccountKey(t, file("sa.key"))
	_, number, _ := net.SplitHostPort(port)
	run(t, file("apiserver.log"), filepath.Join(dir, "kube-apiserver"), "--etcd-servers=http://"+client,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+number, "--token-auth-file="+file("tokens"),
		"--tls-cert-file="+file("tls.crt"), "--tls-private-key-file="+file("tls.key"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://localhost", "--service-account-key-file="+file("sa.key"),
		"--service-account-signing-key-file="+file("sa.key"), "--service-cluster-ip-range=10.96.0.0/16",
		"--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none")
	s := &apiServer{T: t, base: "https://" + port, log: file("apiserver.log"), client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}}, Timeout: time.Minute,
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		if status, _ := s.ask(http.MethodGet, "/readyz", nil); status == http.StatusOK {
			return s
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(s.log)
			t.Fatalf("the API server is not ready\n%s", text[max(0, len(text)-4000):])
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs a program until the end of the test.
func run(t *testing.T, log, program string, args ...string) {
	t.Helper()
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...) //nolint:gosec // the caller of the test names it
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = out.Close()
	})
}

func serviceAccountKey(t *testing.T, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), 0o600)
}

// ask sends a request, and returns the status and what was answered; 0 if nothing was.
func (s *apiServer) ask(method, path string, body []byte) (status int, answer []byte) {
	path = s.base + strings.ReplaceAll(path, "NAMESPACE", s.namespace)
	request, err := http.NewRequestWithContext(s.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", "application/apply-patch+yaml")
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		s.Error(err)
	}
	return response.StatusCode, answer
}

// apply applies an object with the server's own validation: fields that it does not know are errors.
func (s *apiServer) apply(path string, object []byte) (answer []byte) {
	s.Helper()
	status, answer := s.ask(http.MethodPatch, path+"?fieldManager=test&fieldValidation=Strict&force=true", object)
	if status != http.StatusOK && status != http.StatusCreated {
		s.Errorf("%s: %d: %s\n%s", path, status, answer, object)
	}
	return answer
}

// TestAPIServer: a real API server takes every object, and has then what the manifest says.
func TestAPIServer(t *testing.T) {
	s := startAPIServer(t)
	for name, objects := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			s := &apiServer{t, s.base, s.client, s.log, strings.NewReplacer(" ", "-", "'", "").Replace(name)}
			s.apply("/api/v1/namespaces/NAMESPACE", []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+s.namespace+
				", labels: {pod-security.kubernetes.io/enforce: restricted}}"))
			for _, o := range objects {
				if slices.Contains(foreign, o.kind) {
					continue
				}
				path := resources[o.kind]
				if path == "" {
					t.Errorf("nobody knows where %ss are", o.kind)
					continue
				}
				s.apply(path+o.name, o.yaml)
				_, kept := s.ask(http.MethodGet, path+o.name, nil)
				s.wantPart(o, kept)
				if o.kind == "StatefulSet" {
					s.wantPod(o)
				}
			}
		})
	}
}

// wantPart compares what the server has with what the manifest says; the server adds defaults.
func (s *apiServer) wantPart(o object, kept []byte) {
	s.Helper()
	var want, got any
	if err := yaml.Unmarshal(o.yaml, &want); err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(kept, &got); err != nil {
		s.Fatalf("%v: %s", err, kept)
	}
	if d := missing(o.kind, want, got); d != "" {
		s.Errorf("%s %s: %s", o.kind, o.name, d)
	}
}

// missing tells what of want is not in got.
func missing(at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v", at, got)
		}
		for key, value := range want {
			if d := missing(at+"."+key, value, got[key]); d != "" {
				return d
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
		for i := range want {
			if d := missing(fmt.Sprintf("%s[%d]", at, i), want[i], got[i]); d != "" {
				return d
			}
		}
	case nil:
	default:
		if fmt.Sprint(want) != fmt.Sprint(got) {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
	}
	return ""
}

// wantPod has a pod of the set admitted, as its controller would make it: by the namespace's pod security, too.
func (s *apiServer) wantPod(set object) {
	s.Helper()
	var head struct {
		Metadata struct{ Name string }
		Spec     struct{ Template map[string]any }
	}
	if err := yaml.Unmarshal(set.yaml, &head); err != nil {
		s.Fatal(err)
	}
	pod := head.Spec.Template
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	pod["metadata"].(map[string]any)["name"] = head.Metadata.Name + "-0"
	spec := pod["spec"].(map[string]any)
	spec["volumes"] = append(spec["volumes"].([]any), map[string]any{"name": "data", "emptyDir": map[string]any{}})
	delete(spec, "priorityClassName") // the class is not there
	text, err := yaml.Marshal(pod)
	if err != nil {
		s.Fatal(err)
	}
	answer := s.apply("/api/v1/namespaces/NAMESPACE/pods/"+head.Metadata.Name+"-0", text)
	if strings.Contains(string(answer), "would violate PodSecurity") {
		s.Errorf("%s", answer)
	}
}
