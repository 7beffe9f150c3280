package metrics

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full returns metrics of which each has a value.
func full() *Metrics {
	m := New()
	m.Read(Sources{
		Node: func() api.Node {
			return api.Node{Version: "v1", Workers: 2, MemoryBytes: 1 << 30, StartTime: time.Unix(1e9, 0)}
		},
		Reactor: func() api.Metrics {
			return api.Metrics{
				Stats: api.Stats{
					Pending: 1, Running: 2, Waiting: 3, BusyTime: 1500 * time.Millisecond,
					Waits: []api.NodeWait{{Kind: api.OpKind(hostcalls.OpTimer), Seconds: 4.5, Count: 6}},
				},
				Queue: api.QueueMetrics{
					Max: 11, Bytes: 12, MaxBytes: 13, Oldest: 14 * time.Second,
					Delayed: []api.NodeDelayed{{Reason: api.DelayReason(1), Count: 15}},
				},
				Store: api.StoreMetrics{
					Database:  api.StorePlace{Bytes: 16, MaxBytes: 17, Outage: true},
					Modules:   api.StorePlace{Bytes: 18, MaxBytes: 19},
					DiskBytes: 20, DiskFree: 21,
				},
				Services: api.ServiceMetrics{Connections: 22, Requests: []api.ServiceRequests{{Class: "2xx", Count: 23}}},
				Sockets:  24,
				Parked:   []api.NodeParked{{Kind: api.OpKind(hostcalls.OpRead), Count: 7}},
				WakeLateness: api.Lateness{
					Buckets: []api.LatenessBucket{
						{Upper: time.Microsecond, Count: 1}, {Upper: time.Millisecond, Count: 2},
						{Upper: time.Second, Count: 3}, {Upper: math.MaxInt64, Count: 4},
					},
					Count: 10, Sum: 4 * time.Hour,
				},
			}
		},
		Clients:           func() Clients { return Clients{Connections: 8, Calls: 9, SharedBytes: 10} },
		CertificateExpiry: func() time.Time { return time.Unix(2e9, 0) },
		Lost:              func() Lost { return Lost{Spans: 25, Lines: 26} },
	})
	on := m.Hooks().OnCommitted
	event := hooks.Event{ID: "secret-id", Tenant: "secret-tenant", Module: "sha256:secret"}
	on(event, hooks.Outcome{State: api.Failed, Reason: api.ReasonTrap, Message: "secret-message"})
	on(event, hooks.Outcome{State: api.Failed, Reason: api.ReasonTrap})
	on(event, hooks.Outcome{State: api.Pending, Reason: api.ReasonNodeMemory})
	on(event, hooks.Outcome{State: api.Succeeded, Reason: api.ReasonExit, Err: errors.New("disk full")})
	m.OnCommit(3*time.Millisecond, 4096)
	m.OnCall("reactor.v1.NodeService/GetNode", "OK", "")
	m.OnCall("", "Unauthenticated", "UNAUTHENTICATED")
	return m
}

func anybody([]string) error { return nil }

// read asks a server for a page in a format.
func read(t *testing.T, m *Metrics, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	NewServer(m, anybody, zap.NewNop()).http.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w
}

// families decodes a page.
func families(t *testing.T, w *httptest.ResponseRecorder) map[string]*dto.MetricFamily {
	t.Helper()
	all := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header()))
	for {
		var f dto.MetricFamily
		if decoder.Decode(&f) != nil {
			break
		}
		all[f.GetName()] = &f
	}
	if len(all) == 0 {
		t.Fatal("the page is empty")
	}
	return all
}

// protobuf is the format in which native histograms come.
const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

func TestFigures(t *testing.T) {
	text := read(t, full(), "text/plain").Body.String()
	for _, want := range []string{
		`reactord_workloads{state="PENDING"} 1`,
		`reactord_workloads{state="WAITING"} 3`,
		`reactord_guest_cpu_seconds_total 1.5`,
		`reactord_guest_wait_seconds_total{kind="timer"} 4.5`,
		`reactord_guest_waits_total{kind="timer"} 6`,
		`reactord_guests_waiting{kind="read"} 7`,
		`reactord_workloads_ended_total{reason="TRAP",state="FAILED"} 2`,
		`reactord_attempts_put_back_total{reason="NODE_MEMORY"} 1`,
		`reactord_store_commit_seconds_bucket{le="0.005"} 1`,
		`reactord_store_written_bytes_total 4096`,
		`reactord_api_connections 8`,
		`reactord_api_calls_total{code="OK",method="reactor.v1.NodeService/GetNode"} 1`,
		`reactord_api_errors_total{reason="UNAUTHENTICATED"} 1`,
		`reactord_api_errors_total{reason="QUEUE_FULL"} 0`,
		`reactord_workloads_ended_total{reason="RESULT_TOO_LARGE",state="FAILED"} 0`,
		`reactord_queue_limit_workloads 11`,
		`reactord_queue_oldest_seconds 14`,
		`reactord_queue_delayed_workloads{reason="DESCRIPTORS"} 15`,
		`reactord_store_bytes{part="database"} 16`,
		`reactord_store_limit_bytes{part="modules"} 19`,
		`reactord_store_outage{part="database"} 1`,
		`reactord_store_outage{part="modules"} 0`,
		`reactord_disk_free_bytes 21`,
		`reactord_service_requests_total{code="2xx"} 23`,
		`reactord_trace_spans_lost_total 25`,
		`reactord_output_lines_lost_total 26`,
		`reactord_tls_certificate_expiry_timestamp_seconds 2e+09`,
		`reactord_build_info{version="v1"} 1`,
		`reactord_wake_lateness_seconds_bucket{le="0.0005"} 1`,
		`reactord_wake_lateness_seconds_bucket{le="0.001"} 3`,
		`reactord_wake_lateness_seconds_bucket{le="1"} 6`,
		`reactord_wake_lateness_seconds_bucket{le="10"} 6`,
		`reactord_wake_lateness_seconds_bucket{le="+Inf"} 10`,
		`reactord_wake_lateness_seconds_sum 14400`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	for _, not := range []string{"secret", `state="SUCCEEDED"} 1`, "UNSPECIFIED"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q", not)
		}
	}
}

// What is not known is not there.
func TestUnknown(t *testing.T) {
	m := New()
	m.Read(Sources{
		Node: func() api.Node { return api.Node{} }, Reactor: func() api.Metrics { return api.Metrics{} },
		Clients: func() Clients { return Clients{} }, CertificateExpiry: func() time.Time { return time.Time{} }, Lost: func() Lost { return Lost{} },
	})
	text := read(t, m, "text/plain").Body.String()
	for _, not := range []string{"reactord_disk_bytes", "reactord_disk_free_bytes", "reactord_tls_certificate"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q", not)
		}
	}
}

// In protobuf the histograms are native, and what was counted is in the bucket where it belongs.
func TestNativeHistograms(t *testing.T) {
	all := families(t, read(t, full(), protobuf))
	if h := all["reactord_store_commit_seconds"].GetMetric()[0].GetHistogram(); len(h.GetPositiveSpan()) == 0 || h.GetSampleCount() != 1 {
		t.Errorf("the commits are no native histogram: %v", h)
	}
	h := all["reactord_wake_lateness_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSchema() != schema || h.GetZeroCount() != 1 || h.GetSampleCount() != 10 || len(h.GetBucket()) == 0 {
		t.Fatalf("got %v", h)
	}
	got := make(map[int]int64) // by index
	index, count, next := 0, int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += h.GetPositiveDelta()[next]
			next++
			if count > 0 {
				got[index] = count
			}
			index++
		}
	}
	want := map[int]int64{
		-79: 2, // 1 ms is above 2^(-80/8) s and at most 2^(-79/8) s
		0:   3, // 1 s
		89:  4, // 2^41 ns, in which all is that is longer
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// promtool finds nothing to say.
func TestLint(t *testing.T) {
	problems, err := promlint.New(read(t, full(), "text/plain").Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, prefix) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		accept string
		want   expfmt.FormatType
	}{
		{"", expfmt.TypeTextPlain},
		{"text/plain;version=0.0.4", expfmt.TypeTextPlain},
		{"application/openmetrics-text;version=1.0.0", expfmt.TypeOpenMetrics},
		{protobuf, expfmt.TypeProtoDelim},
	} {
		w := read(t, full(), tt.accept)
		if got := expfmt.ResponseFormat(w.Header()).FormatType(); tt.want != expfmt.TypeOpenMetrics && got != tt.want {
			t.Errorf("for %q: %v, want %v (%s)", tt.accept, got, tt.want, w.Header().Get("Content-Type"))
		}
		if tt.want == expfmt.TypeOpenMetrics && !strings.HasSuffix(w.Body.String(), "# EOF\n") {
			t.Errorf("for %q: no end", tt.accept)
		}
	}
}

// docs/operations.md explains each metric, and no other.
func TestMetricsAreExplained(t *testing.T) {
	document, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(reactord_[a-z_]+)` \\| (counter|gauge|histogram) \\|((?: `[a-z]+`,?)*) \\|")
	explained := make(map[string]string)
	for _, match := range row.FindAllStringSubmatch(string(document), -1) {
		explained[match[1]] = match[2] + strings.ReplaceAll(strings.ReplaceAll(match[3], "`", ""), ",", "")
	}
	there := make(map[string]string)
	for name, f := range families(t, read(t, full(), protobuf)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		there[name] = strings.ToLower(f.GetType().String())
		for _, label := range f.GetMetric()[0].GetLabel() {
			there[name] += " " + label.GetName()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if explained[name] != there[name] {
			t.Errorf("%s is a %q, and docs/operations.md has %q", name, there[name], explained[name])
		}
		if !model.LegacyValidation.IsValidMetricName(name) {
			t.Errorf("%s is no name", name)
		}
	}
	for name := range explained {
		if there[name] == "" {
			t.Errorf("docs/operations.md explains %s, which is not there", name)
		}
	}
}

// Whoever is refused is told why and gets nothing, and there is one page.
func TestAdmission(t *testing.T) {
	handler := NewServer(full(), isRight, zap.NewNop()).http.Handler
	for _, tt := range []struct {
		method, path string
		headers      []string
		status       int
		says         string
	}{
		{"GET", Path, nil, http.StatusUnauthorized, "in a file"},
		{"GET", "/", nil, http.StatusUnauthorized, "in a file"},
		{"GET", Path, []string{"Bearer wrong"}, http.StatusUnauthorized, "in a file"},
		{"GET", Path, []string{"Bearer right", "Bearer right"}, http.StatusUnauthorized, "in a file"},
		{"GET", Path, []string{"Bearer right"}, http.StatusOK, "reactord_workloads"},
		{"POST", Path, []string{"Bearer right"}, http.StatusMethodNotAllowed, ""},
		{"GET", "/debug/pprof/", []string{"Bearer right"}, http.StatusNotFound, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil)
		r.Header["Authorization"] = tt.headers
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s %s with %q: status %d, want %d: %.200s", tt.method, tt.path, tt.headers, w.Code, tt.status, w.Body)
		}
		if refused := w.Code == http.StatusUnauthorized; refused != (w.Header().Get("WWW-Authenticate") != "") || refused && w.Header().Get("Connection") != "close" {
			t.Errorf("%s %s with %q: headers %v", tt.method, tt.path, tt.headers, w.Header())
		}
	}
}

// However many ask at a time, figures are read once at a time, a few requests are answered at a time, and none waits for long.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const storm = 100
		m := New()
		var mu sync.Mutex
		at, most := 0, 0
		m.Read(Sources{
			Node:    func() api.Node { return api.Node{} },
			Clients: func() Clients { return Clients{} }, CertificateExpiry: func() time.Time { return time.Time{} },
			Lost: func() Lost { return Lost{} },
			Reactor: func() api.Metrics {
				mu.Lock()
				at++
				most = max(most, at)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				at--
				mu.Unlock()
				return api.Metrics{}
			},
		})
		handler := NewServer(m, anybody, zap.NewNop()).http.Handler
		statuses := make(chan int, storm)
		for range storm {
			go func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil))
				statuses <- w.Code
			}()
		}
		began, counts := time.Now(), make(map[int]int)
		for range storm {
			counts[<-statuses]++
		}
		answered, refused := counts[http.StatusOK], counts[http.StatusServiceUnavailable]
		if least := int(turnTime.Seconds()) * maxPages; answered < least || answered+refused != storm {
			t.Errorf("got %v, want %d answered at least, and the others refused", counts, least)
		}
		if took := time.Since(began); took > turnTime+time.Second {
			t.Errorf("the last one is answered after %v", took)
		}
		if most != 1 {
			t.Errorf("figures were read %d times at a time", most)
		}
	})
}
