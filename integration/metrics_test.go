package integration

import (
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// metricsAt is where a daemon says that it serves metrics.
func metricsAt(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	for line := range strings.Lines(d.Log()) {
		var entry struct{ Msg, At string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "metrics" {
			return entry.At + "/metrics"
		}
	}
	t.Fatalf("the daemon does not say where it serves metrics:\n%s", d.Log())
	return ""
}

// page is an answer to who asks for metrics.
type page struct {
	status int
	body   string
	header http.Header
}

func readPage(t *testing.T, client *http.Client, url string, headers ...string) page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{response.StatusCode, string(body), response.Header}
}

// What workloads and clients do is on the page, in each format that Prometheus asks for, and none of their names is.
func TestMetrics(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--metrics=127.0.0.1:0")
	url := "http://" + metricsAt(t, d)
	module := d.Push(t, examples.Sleeper)
	for range 3 {
		id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"3", "1"}})
		d.WaitFor(t, id)
	}
	waiting := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "100000000"}, Name: "a-name"})
	until(t, "it waits", func() bool { return d.Status(t, waiting).GetState() == reactorv1.WorkloadState_WORKLOAD_STATE_WAITING })
	_, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "nonesuch"})
	refusal{codes.NotFound, "WORKLOAD_NOT_FOUND", "nonesuch", ""}.check(t, err)

	unknown := &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: "nonesuch"}}
	if _, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{
		Requests: []*reactorv1.SubmitWorkloadRequest{unknown, unknown},
	}); err != nil {
		t.Error(err)
	}

	s := startService(t, d, &reactorv1.HttpService{})
	for path, want := range map[string]int{"/": http.StatusOK, "/error": http.StatusInternalServerError} {
		if status, text := s.ask(s.h1, path); status != want {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}

	text := readPage(t, http.DefaultClient, url, "Accept", "text/plain").body
	for _, want := range []string{
		`reactord_workloads{state="WAITING"} 2`,
		`reactord_workloads_submitted_total 5`,
		`reactord_service_connections 1`,
		`reactord_service_requests_total{code="2xx"} 1`,
		`reactord_service_requests_total{code="5xx"} 1`,
		`reactord_workloads_ended_total{reason="EXIT",state="SUCCEEDED"} 3`,
		`reactord_guests_waiting{kind="timer"} 1`,
		`reactord_api_calls_total{code="NotFound",method="reactor.v1.WorkloadService/GetWorkload"} 1`,
		`reactord_api_errors_total{reason="WORKLOAD_NOT_FOUND"} 1`,
		`reactord_api_errors_total{reason="MODULE_NOT_FOUND"} 2`,
		`reactord_api_connections 1`,
		`reactord_modules_loaded 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	for _, name := range []string{waiting, "a-name", module, strings.TrimPrefix(module, "sha256:"), "nonesuch", `"default"`} {
		if strings.Contains(text, name) {
			t.Errorf("the page has %q", name)
		}
	}
	if open := readPage(t, http.DefaultClient, url, "Accept", "application/openmetrics-text;version=1.0.0"); !strings.HasSuffix(open.body, "# EOF\n") {
		t.Errorf("no OpenMetrics but %s", open.header.Get("Content-Type"))
	}
	late := family(t, readPage(t, http.DefaultClient, url, "Accept",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"), "reactord_wake_lateness_seconds")
	if h := late.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 9 || h.GetSampleSum() <= 0 || len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) == 0 {
		t.Errorf("9 wake-ups, and got %v", h)
	}
	packed := readPage(t, http.DefaultClient, url, "Accept-Encoding", "gzip")
	if unpacked, err := gzip.NewReader(strings.NewReader(packed.body)); err != nil {
		t.Error(err)
	} else if body, err := io.ReadAll(unpacked); err != nil || !strings.Contains(string(body), "reactord_workers") {
		t.Errorf("compressed: %v, %.100s", err, body)
	}
}

// family is one of a page in protobuf.
func family(t *testing.T, p page, name string) *dto.MetricFamily {
	t.Helper()
	decoder := expfmt.NewDecoder(strings.NewReader(p.body), expfmt.ResponseFormat(p.header))
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); err != nil {
			t.Fatalf("there is no %s: %v", name, err)
		}
		if f.GetName() == name {
			return &f
		}
	}
}

// A storm of readers is answered or refused, beside some that ask and never read, and a call is answered meanwhile. The page outlives it.
func TestMetricsStorm(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--metrics=127.0.0.1:0")
	url := "http://" + metricsAt(t, d)
	address, _, _ := strings.Cut(metricsAt(t, d), "/")
	for range 16 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // the daemon need not take all of it
		_, _ = io.WriteString(c, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 1000))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 10 {
				if p := readPage(t, client, url); p.status != http.StatusOK && p.status != http.StatusServiceUnavailable {
					t.Errorf("status %d: %s", p.status, p.body)
				}
			}
		})
	}
	for range 100 {
		if _, err := d.Node.GetStats(t.Context(), &reactorv1.GetStatsRequest{}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	until(t, "it is over", func() bool { return readPage(t, client, url).status == http.StatusOK })
}

// Metrics are read with a token of their own, which opens nothing else, over TLS if the daemon has a certificate.
func TestMetricsAccess(t *testing.T) {
	authority, f := testkit.NewAuthority(t), newFiles(t)
	authority.Issue("reactord.test", f.cert, f.key)
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, overTLS(&tls.Config{RootCAs: authority.Pool()}), append(f.flags(), "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0")...)
	at := metricsAt(t, d)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}}}
	own := func() string {
		out, err := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "token", "--for-metrics", "--data-dir="+dir).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	first := own()
	for _, tt := range []struct {
		name, token string
		want        int
	}{
		{"no token", "", http.StatusUnauthorized},
		{"another", "x", http.StatusUnauthorized},
		{"that of the API", token(t, dir), http.StatusUnauthorized},
		{"its own", first, http.StatusOK},
	} {
		var headers []string
		if tt.token != "" {
			headers = []string{"Authorization", "Bearer " + tt.token}
		}
		if p := readPage(t, client, "https://"+at, headers...); p.status != tt.want || strings.Contains(p.body, "reactord_") != (p.status == http.StatusOK) {
			t.Errorf("with %s: status %d, want %d: %.100s", tt.name, p.status, tt.want, p.body)
		}
	}
	if p := readPage(t, http.DefaultClient, "http://"+at); p.status != http.StatusBadRequest {
		t.Errorf("in plain text: status %d", p.status)
	}
	_, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.PerRPCCredentials(bearer(first)))
	refusal{codes.Unauthenticated, "UNAUTHENTICATED", "token", ""}.check(t, err)

	if err := os.Remove(filepath.Join(dir, "metrics-token")); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	until(t, "the token changes", func() bool { return strings.Contains(d.Log(), "the token has changed") })
	if p := readPage(t, client, "https://"+at, "Authorization", "Bearer "+first); p.status != http.StatusUnauthorized {
		t.Errorf("with the old token: status %d", p.status)
	}
	if p := readPage(t, client, "https://"+at, "Authorization", "Bearer "+own()); p.status != http.StatusOK {
		t.Errorf("with the new token: status %d", p.status)
	}
}

// Without the setting there are no metrics and no token for them.
func TestNoMetrics(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "metrics-token")); !os.IsNotExist(err) {
		t.Errorf("there is a token: %v", err)
	}
	if strings.Contains(d.Log(), `"metrics`) {
		t.Errorf("the log tells of metrics:\n%s", d.Log())
	}
}
