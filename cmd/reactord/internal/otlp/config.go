package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// signal is a kind of telemetry, as the names of variables have it.
type signal string

// The signals that the daemon sends.
const (
	traceSignal signal = "TRACES"
	logSignal   signal = "LOGS"
)

// DefaultEndpoint is where a collector is if no variable says so.
const DefaultEndpoint = "http://localhost:4317"

// defaultQueue is how many spans may wait to be sent if OTEL_BSP_MAX_QUEUE_SIZE does not say so.
const defaultQueue = 2048

// Config is what the variables ask for.
type Config struct {
	Disabled     bool   // OTEL_SDK_DISABLED: nothing is to be sent, whatever else asks for it
	Traces       bool   // traces are to be sent
	Queue        int    // spans that may wait to be sent
	Endpoint     string // of traces, as the variables have it; empty: DefaultEndpoint
	LogsEndpoint string // of logs
}

// environment are variables, and how the files are read that they name.
type environment struct {
	variables map[string]string
	read      func(string) ([]byte, error)
	faults    []string
}

// Parse returns what the variables ask for, or what is wrong with those that would be used.
// logs says that logs are to be sent, which no variable does.
func Parse(logs bool, variables map[string]string, read func(string) ([]byte, error)) (Config, []string) {
	e := &environment{variables: variables, read: read}
	if e.isTrue("OTEL_SDK_DISABLED") {
		return Config{Disabled: true}, e.faults
	}
	var c Config
	e.parseTraces(&c)
	if logs {
		c.LogsEndpoint = e.of(logSignal, "ENDPOINT").value
		e.checkExporter(logSignal)
	}
	if c.Traces || logs {
		e.checkResource()
	}
	return c, e.faults
}

func (e *environment) parseTraces(c *Config) {
	endpoint := e.of(traceSignal, "ENDPOINT").value
	switch exporter := e.variable("OTEL_TRACES_EXPORTER"); exporter.value {
	case "":
		c.Traces = endpoint != ""
	case "otlp":
		c.Traces = true
	case "none":
	default:
		e.fault(exporter, "%q is neither otlp nor none", exporter.value)
	}
	if !c.Traces {
		return
	}
	c.Endpoint, c.Queue = endpoint, defaultQueue
	e.checkExporter(traceSignal)
	e.checkSampler()
	e.checkNumbers(spanNumbers...)
	if n, err := strconv.Atoi(e.variable("OTEL_BSP_MAX_QUEUE_SIZE").value); err == nil && n > 0 {
		c.Queue = n
	}
}

// spanNumbers are the variables of the SDK that are numbers.
var spanNumbers = []string{
	"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT",
	"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
}

// variable is a variable and its value.
type variable struct{ name, value string }

func (e *environment) variable(name string) variable {
	return variable{name, strings.TrimSpace(e.variables[name])}
}

// of returns a signal's own variable, or that of all signals if it has none.
func (e *environment) of(of signal, what string) variable {
	const prefix = "OTEL_EXPORTER_OTLP_"
	if own := e.variable(prefix + string(of) + "_" + what); own.value != "" {
		return own
	}
	return e.variable(prefix + what)
}

// fault adds a fault, unless it is known: several signals may have a variable in common.
func (e *environment) fault(v variable, format string, args ...any) {
	if text := "$" + v.name + ": " + fmt.Sprintf(format, args...); !slices.Contains(e.faults, text) {
		e.faults = append(e.faults, text)
	}
}

func (e *environment) isTrue(name string) bool {
	v := e.variable(name)
	e.checkSwitch(v)
	return strings.EqualFold(v.value, "true")
}

func (e *environment) checkSwitch(v variable) {
	if v.value != "" && !strings.EqualFold(v.value, "true") && !strings.EqualFold(v.value, "false") {
		e.fault(v, "%q is neither true nor false", v.value)
	}
}

// checkExporter checks how a signal is sent.
func (e *environment) checkExporter(of signal) {
	if v := e.of(of, "PROTOCOL"); v.value != "" && v.value != "grpc" {
		e.fault(v, "%q is not supported: the daemon sends by grpc alone, to the port that a collector has for it, usually 4317", v.value)
	}
	if v := e.of(of, "ENDPOINT"); v.value != "" {
		if err := checkEndpoint(v.value); err != nil {
			e.fault(v, "%q %v", v.value, err)
		}
	}
	if v := e.of(of, "COMPRESSION"); !slices.Contains([]string{"", "gzip", "none"}, v.value) {
		e.fault(v, "%q is neither gzip nor none", v.value)
	}
	e.checkSwitch(e.of(of, "INSECURE"))
	e.checkNumber(e.of(of, "TIMEOUT"))
	e.checkPairs(e.of(of, "HEADERS"))
	e.checkFiles(of)
}

func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no URL, such as " + DefaultEndpoint)
	case u.Scheme == "unix" && u.Path+u.Opaque != "":
		return nil
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("has to begin with http:// or, for TLS, https://, as in " + DefaultEndpoint)
	case u.Hostname() == "":
		return errors.New("names no host, as " + DefaultEndpoint + " does")
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return errors.New("names no port; that of collectors is usually 4317")
	}
	return nil
}

// checkFiles checks the certificates.
func (e *environment) checkFiles(of signal) {
	if v := e.of(of, "CERTIFICATE"); v.value != "" {
		if pem, ok := e.file(v); ok && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			e.fault(v, "%s has no certificate in PEM", v.value)
		}
	}
	cert, key := e.of(of, "CLIENT_CERTIFICATE"), e.of(of, "CLIENT_KEY")
	switch {
	case cert.value == "" && key.value == "":
		return
	case cert.value == "":
		e.fault(key, "needs $%s with it", cert.name)
		return
	case key.value == "":
		e.fault(cert, "needs $%s with it", key.name)
		return
	}
	certPEM, ok := e.file(cert)
	keyPEM, ok2 := e.file(key)
	if !ok || !ok2 {
		return
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		e.fault(cert, "does not fit $%s: %v", key.name, err)
	}
}

// file reads the file that a variable names.
func (e *environment) file(v variable) ([]byte, bool) {
	text, err := e.read(v.value)
	if err != nil {
		e.fault(v, "%v", err)
	}
	return text, err == nil
}

// samplers are the values of OTEL_TRACES_SAMPLER, and whether they take an argument.
var samplers = map[string]bool{
	"": false, "always_on": false, "always_off": false, "traceidratio": true,
	"parentbased_always_on": false, "parentbased_always_off": false, "parentbased_traceidratio": true,
}

func (e *environment) checkSampler() {
	sampler, arg := e.variable("OTEL_TRACES_SAMPLER"), e.variable("OTEL_TRACES_SAMPLER_ARG")
	ratio, ok := samplers[strings.ToLower(sampler.value)]
	if !ok {
		e.fault(sampler, "%q is not one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio", sampler.value)
	}
	if !ratio || arg.value == "" {
		return
	}
	if share, err := strconv.ParseFloat(arg.value, 64); err != nil || !(share >= 0 && share <= 1) {
		e.fault(arg, "%q is not a number from 0 to 1, which is the share of traces that are kept", arg.value)
	}
}

func (e *environment) checkResource() { e.checkPairs(e.variable("OTEL_RESOURCE_ATTRIBUTES")) }

// checkPairs checks a list of KEY=VALUE.
func (e *environment) checkPairs(v variable) {
	if v.value == "" {
		return
	}
	for pair := range strings.SplitSeq(v.value, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(value); !ok || strings.TrimSpace(key) == "" || err != nil {
			// The value may be a secret.
			e.fault(v, "is not a list of KEY=VALUE, separated by commas, with %%XX for what is special in a value")
			return
		}
	}
}

func (e *environment) checkNumbers(names ...string) {
	for _, name := range names {
		e.checkNumber(e.variable(name))
	}
}

func (e *environment) checkNumber(v variable) {
	if n, err := strconv.Atoi(cmp.Or(v.value, "1")); err != nil || n < 1 {
		e.fault(v, "%q is not a number above 0", v.value)
	}
}
