package otlp

import (
	"io/fs"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317"
	const tls = "OTEL_EXPORTER_OTLP_ENDPOINT=https://localhost:4317"
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

		"another exporter":  {"OTEL_TRACES_EXPORTER=zipkin", Config{}, `$OTEL_TRACES_EXPORTER: "zipkin" is neither otlp nor none`},
		"another protocol":  {at + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", Config{}, `$OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" is not supported: the daemon sends by grpc alone`},
		"its own protocol":  {at + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=x", Config{}, "$OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		"no scheme":         {"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317", Config{}, "has to begin with http://"},
		"no port":           {"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost", Config{}, "names no port"},
		"no host":           {"OTEL_EXPORTER_OTLP_ENDPOINT=http://:4317", Config{}, "names no host"},
		"no URL":            {"OTEL_EXPORTER_OTLP_ENDPOINT=http://%", Config{}, "is no URL"},
		"another sampler":   {at + " OTEL_TRACES_SAMPLER=jaeger_remote", Config{}, "is not one of always_on"},
		"no sampler":        {at + " OTEL_TRACES_SAMPLER_ARG=0.01", Config{}, "$OTEL_TRACES_SAMPLER_ARG: has no meaning without a $OTEL_TRACES_SAMPLER"},
		"too much":          {at + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=1.5", Config{}, "$OTEL_TRACES_SAMPLER_ARG"},
		"no number":         {at + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=NaN", Config{}, "$OTEL_TRACES_SAMPLER_ARG"},
		"no truth":          {"OTEL_SDK_DISABLED=yes", Config{}, `"yes" is neither true nor false`},
		"compression":       {at + " OTEL_EXPORTER_OTLP_COMPRESSION=zstd", Config{}, "is neither gzip nor none"},
		"a time":            {at + " OTEL_EXPORTER_OTLP_TIMEOUT=10s", Config{}, `$OTEL_EXPORTER_OTLP_TIMEOUT: "10s" is not a number of milliseconds from 1 to 3600000`},
		"a limit":           {at + " OTEL_BSP_MAX_QUEUE_SIZE=-1", Config{}, "$OTEL_BSP_MAX_QUEUE_SIZE"},
		"headers":           {at + " OTEL_EXPORTER_OTLP_HEADERS=a=b,secret", Config{}, "$OTEL_EXPORTER_OTLP_HEADERS: is not a list"},
		"attributes":        {at + " OTEL_RESOURCE_ATTRIBUTES=a", Config{}, "$OTEL_RESOURCE_ATTRIBUTES"},
		"attributes' bytes": {at + " OTEL_RESOURCE_ATTRIBUTES=a=b,c=%ff", Config{}, "$OTEL_RESOURCE_ATTRIBUTES: the value of pair 2 is not UTF-8"},
		"a name's bytes":    {at + " OTEL_SERVICE_NAME=\xff", Config{}, "$OTEL_SERVICE_NAME: is not UTF-8"},

		"a queue without end":      {at + " OTEL_BSP_MAX_QUEUE_SIZE=999999999999", Config{}, "is not a number from 1 to 1000000"},
		"a queue beyond numbers":   {at + " OTEL_BSP_MAX_QUEUE_SIZE=9223372036854775808", Config{}, "$OTEL_BSP_MAX_QUEUE_SIZE"},
		"a delay that overflows":   {at + " OTEL_BSP_SCHEDULE_DELAY=9223372036855", Config{}, "is not a number of milliseconds from 10 to 3600000"},
		"a delay of nothing":       {at + " OTEL_BSP_SCHEDULE_DELAY=9", Config{}, "$OTEL_BSP_SCHEDULE_DELAY"},
		"a time that overflows":    {at + " OTEL_BSP_EXPORT_TIMEOUT=9223372036854775807", Config{}, "$OTEL_BSP_EXPORT_TIMEOUT"},
		"another such":             {at + " OTEL_EXPORTER_OTLP_TIMEOUT=9223372036854775807", Config{}, "$OTEL_EXPORTER_OTLP_TIMEOUT"},
		"too large a batch":        {at + " OTEL_BSP_MAX_EXPORT_BATCH_SIZE=10001", Config{}, "$OTEL_BSP_MAX_EXPORT_BATCH_SIZE"},
		"a batch beyond the queue": {at + " OTEL_BSP_MAX_EXPORT_BATCH_SIZE=6 OTEL_BSP_MAX_QUEUE_SIZE=5", Config{}, "6 spans can't be sent together when only 5 may wait"},
		"a limit of spans":         {at + " OTEL_SPAN_LINK_COUNT_LIMIT=x", Config{}, "$OTEL_SPAN_LINK_COUNT_LIMIT"},
		"no limit":                 {at + " OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=2147483647", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},
		"logs, limited":            {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT=7", Config{RecordAttributes: 7}, ""},
		"logs, limited to nothing": {"OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT=0", Config{}, "$OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"},

		"a header's name":            {at + " OTEL_EXPORTER_OTLP_HEADERS=b=c,secret!=d", Config{}, "the name of header 2 has other"},
		"a pseudo-header":            {at + " OTEL_EXPORTER_OTLP_HEADERS=:path=/secret", Config{}, "the name of header 1 has other"},
		"a header of gRPC":           {at + " OTEL_EXPORTER_OTLP_HEADERS=Grpc-Timeout=1S", Config{}, "header 1, grpc-timeout, is one that gRPC keeps"},
		"a header of HTTP":           {at + " OTEL_EXPORTER_OTLP_HEADERS=User-Agent=secret", Config{}, "header 1, user-agent, is one that gRPC keeps"},
		"a header twice":             {at + " OTEL_EXPORTER_OTLP_HEADERS=Secret=a,secret=b", Config{}, "header 2 has the name of one before it"},
		"a header's value":           {at + " OTEL_EXPORTER_OTLP_HEADERS=a=secret%0ab", Config{}, "the value of header 1 has characters"},
		"a header's binary value":    {at + " OTEL_EXPORTER_OTLP_HEADERS=a-bin=%ff%0a", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},
		"a header with an authority": {at + " OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20YQ==,x_y.z=", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},

		"port 0":                  {"OTEL_EXPORTER_OTLP_ENDPOINT=http://a:0", Config{}, "ports go from 1 to 65535"},
		"a port too far":          {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:99999", Config{}, "ports go from 1 to 65535"},
		"an empty port":           {"OTEL_EXPORTER_OTLP_ENDPOINT=http://a:", Config{}, "names no port"},
		"a path":                  {"OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1/v1/traces", Config{}, "gRPC knows no path"},
		"an empty path":           {"OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1/", Config{Traces: true, Queue: 2048, Endpoint: "http://a:1/"}, ""},
		"an address of version 6": {"OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]:1", Config{Traces: true, Queue: 2048, Endpoint: "http://[::1]:1"}, ""},
		"a password":              {"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:secret@a:1", Config{}, "is told those in $OTEL_EXPORTER_OTLP_HEADERS"},
		"a password in no URL":    {"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:secret%@a:1", Config{}, "is told those in $OTEL_EXPORTER_OTLP_HEADERS"},
		"a password, no scheme":   {"OTEL_EXPORTER_OTLP_ENDPOINT=me:secret@a:1", Config{}, "is told those in $OTEL_EXPORTER_OTLP_HEADERS"},
		"a host with a meaning":   {"OTEL_EXPORTER_OTLP_ENDPOINT=http://DNS:4317", Config{}, "has a meaning of its own for gRPC"},
		"a socket at a host":      {"OTEL_EXPORTER_OTLP_ENDPOINT=unix://a/b", Config{}, "is not unix:///PATH"},
		"no socket":               {"OTEL_EXPORTER_OTLP_ENDPOINT=unix:///" + strings.Repeat("a", 110), Config{}, "has a path of more than"},
		"a zone":                  {"OTEL_EXPORTER_OTLP_ENDPOINT=http://[fe80::1%25lo]:1", Config{}, "has an address with a zone"},
		"neither TLS nor not":     {at + " OTEL_EXPORTER_OTLP_INSECURE=x", Config{}, "is neither true nor false"},
		"a socket with a sign":    {"OTEL_EXPORTER_OTLP_ENDPOINT=unix:///a@b", Config{Traces: true, Queue: 2048, Endpoint: "unix:///a@b"}, ""},
		"insecure TLS":            {tls + " OTEL_EXPORTER_OTLP_INSECURE=true", Config{}, `$OTEL_EXPORTER_OTLP_INSECURE: "true" contradicts`},
		"secure HTTP":             {at + " OTEL_EXPORTER_OTLP_INSECURE=false", Config{}, `$OTEL_EXPORTER_OTLP_INSECURE: "false" contradicts`},
		"insecure HTTP":           {at + " OTEL_EXPORTER_OTLP_INSECURE=true", Config{Traces: true, Queue: 2048, Endpoint: "http://localhost:4317"}, ""},
		"a certificate for HTTP":  {at + " OTEL_EXPORTER_OTLP_CERTIFICATE=/text", Config{}, "is for TLS"},

		"no such certificate":  {tls + " OTEL_EXPORTER_OTLP_CERTIFICATE=/none", Config{}, "$OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"no certificate":       {tls + " OTEL_EXPORTER_OTLP_CERTIFICATE=/text", Config{}, "has no certificate in PEM"},
		"a key alone":          {tls + " OTEL_EXPORTER_OTLP_CLIENT_KEY=/text", Config{}, "needs $OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		"a certificate alone":  {tls + " OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/text", Config{}, "needs $OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		"no pair":              {tls + " OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/text OTEL_EXPORTER_OTLP_CLIENT_KEY=/text", Config{}, "does not fit $OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		"one for traces alone": {tls + " OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE=/text", Config{}, "needs $OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"},
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

// What only some of the readers of a variable would understand is a fault.
func TestWhiteSpace(t *testing.T) {
	for _, value := range []string{" 5", "5\n", " "} {
		_, faults := Parse(false, map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SPAN_EVENT_COUNT_LIMIT": value}, nil)
		if len(faults) != 1 || !strings.HasPrefix(faults[0], "$OTEL_SPAN_EVENT_COUNT_LIMIT: has white space") {
			t.Errorf("%q: %q", value, faults)
		}
	}
}
