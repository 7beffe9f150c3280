package otlp

import (
	"io/fs"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317"
	for name, tt := range map[string]struct {
		environment string
		want        Config
		fault       string // part of the only one; empty: there is none
	}{
		"nothing":                 {"", Config{}, ""},
		"a collector":             {at, Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},
		"one for traces":          {at + " OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://a:1", Config{Traces: true, Queue: 2048, Endpoint: "https://a:1"}, ""},
		"logs":                    {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=https://a:1", Config{LogsEndpoint: "https://a:1"}, ""},
		"logs and traces":         {at, Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317", LogsEndpoint: "http://localhost:4317"}, ""},
		"logs, faulty":            {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=x", Config{}, "$OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"},
		"logs and traces, faulty": {"OTEL_EXPORTER_OTLP_ENDPOINT=x", Config{}, "$OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a place for others":      {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=x", Config{}, ""},
		"a socket":                {"OTEL_EXPORTER_OTLP_ENDPOINT=unix:///run/otel.sock", Config{Traces: true, Queue: 2048, Endpoint: "unix:///run/otel.sock"}, ""},
		"the usual place":         {"OTEL_TRACES_EXPORTER=otlp", Config{Traces: true, Queue: 2048}, ""},
		"no traces":               {at + " OTEL_TRACES_EXPORTER=none", Config{}, ""},
		"disabled":                {at + " OTEL_SDK_DISABLED=TRUE OTEL_TRACES_SAMPLER=x", Config{Disabled: true}, ""},
		"a queue":                 {at + " OTEL_BSP_MAX_QUEUE_SIZE=5", Config{Traces: true, Queue: 5, Endpoint: "http://localhost:4317"}, ""},
		"others' faults":          {"OTEL_TRACES_SAMPLER=x OTEL_METRICS_EXPORTER=y", Config{}, ""},
		"a share":                 {at + " OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},
		"an argument of nothing":  {at + " OTEL_TRACES_SAMPLER=always_on OTEL_TRACES_SAMPLER_ARG=x", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},

		"another exporter":    {"OTEL_TRACES_EXPORTER=zipkin", Config{}, `$OTEL_TRACES_EXPORTER: "zipkin" is neither otlp nor none`},
		"another protocol":    {at + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", Config{}, `$OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" is not supported: the daemon sends by grpc alone`},
		"its own protocol":    {at + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=x", Config{}, "$OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		"no scheme":           {"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317", Config{}, "has to begin with http://"},
		"no port":             {"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost", Config{}, "names no port"},
		"no host":             {"OTEL_EXPORTER_OTLP_ENDPOINT=http://:4317", Config{}, "names no host"},
		"no URL":              {"OTEL_EXPORTER_OTLP_ENDPOINT=http://%", Config{}, "is no URL"},
		"another sampler":     {at + " OTEL_TRACES_SAMPLER=jaeger_remote", Config{}, "is not one of always_on"},
		"too much":            {at + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=1.5", Config{}, "$OTEL_TRACES_SAMPLER_ARG"},
		"no number":           {at + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=NaN", Config{}, "$OTEL_TRACES_SAMPLER_ARG"},
		"no truth":            {"OTEL_SDK_DISABLED=yes", Config{}, `"yes" is neither true nor false`},
		"compression":         {at + " OTEL_EXPORTER_OTLP_COMPRESSION=zstd", Config{}, "is neither gzip nor none"},
		"a time":              {at + " OTEL_EXPORTER_OTLP_TIMEOUT=10s", Config{}, `$OTEL_EXPORTER_OTLP_TIMEOUT: "10s" is not a number above 0`},
		"a limit":             {at + " OTEL_BSP_MAX_QUEUE_SIZE=-1", Config{}, "$OTEL_BSP_MAX_QUEUE_SIZE"},
		"headers":             {at + " OTEL_EXPORTER_OTLP_HEADERS=a=b,secret", Config{}, "$OTEL_EXPORTER_OTLP_HEADERS: is not a list"},
		"attributes":          {at + " OTEL_RESOURCE_ATTRIBUTES=a", Config{}, "$OTEL_RESOURCE_ATTRIBUTES"},
		"no such certificate": {at + " OTEL_EXPORTER_OTLP_CERTIFICATE=/none", Config{}, "$OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"no certificate":      {at + " OTEL_EXPORTER_OTLP_CERTIFICATE=/text", Config{}, "has no certificate in PEM"},
		"a key alone":         {at + " OTEL_EXPORTER_OTLP_CLIENT_KEY=/text", Config{}, "needs $OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		"a certificate alone": {at + " OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/text", Config{}, "needs $OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		"no pair":             {at + " OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/text OTEL_EXPORTER_OTLP_CLIENT_KEY=/text", Config{}, "does not fit $OTEL_EXPORTER_OTLP_CLIENT_KEY"},
	} {
		variables := map[string]string{}
		for _, pair := range strings.Fields(tt.environment) {
			key, value, _ := strings.Cut(pair, "=")
			variables[key] = value
		}
		got, faults := Parse(strings.Contains(name, "logs"), variables, func(name string) ([]byte, error) {
			if name == "/text" {
				return []byte("text"), nil
			}
			return nil, fs.ErrNotExist
		})
		switch {
		case tt.fault == "" && (len(faults) > 0 || got != tt.want):
			t.Errorf("%s: %+v, %q, want %+v", name, got, faults, tt.want)
		case tt.fault != "" && (len(faults) != 1 || !strings.Contains(faults[0], tt.fault)):
			t.Errorf("%s: %q, want %q", name, faults, tt.fault)
		}
		if strings.Contains(strings.Join(faults, ""), "secret") {
			t.Errorf("%s: a fault tells a secret: %q", name, faults)
		}
	}
}
