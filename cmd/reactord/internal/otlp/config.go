package otlp

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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

// Silent is why sending to a collector takes long.
const Silent = "the collector does not answer"

// defaultQueue is how many spans may wait to be sent if OTEL_BSP_MAX_QUEUE_SIZE does not say so.
const defaultQueue = 2048

// Config is what the variables ask for.
type Config struct {
	Disabled     bool   // OTEL_SDK_DISABLED: nothing is to be sent, whatever else asks for it
	Traces       bool   // traces are to be sent
	Queue        int    // spans that may wait to be sent
	Endpoint     string // of traces, as the variables have it; empty: DefaultEndpoint
	LogsEndpoint string // of logs
	// RecordAttributes is how many attributes a log record may have; 0: any number.
	RecordAttributes int
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
		c.RecordAttributes = e.number("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", endless)
		e.number("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", endless)
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
	c.Endpoint = endpoint
	e.checkExporter(traceSignal)
	e.checkSampler()
	c.Queue = e.checkBatches()
	for _, name := range spanLimits {
		e.number(name, endless)
	}
}

const (
	// endless is the largest limit. In other languages it stands for none.
	endless = math.MaxInt32
	// longest is the longest time, in milliseconds as the variables have them: an hour.
	longest = 3_600_000
	// shortest is the shortest delay: OpenTelemetry wakes so often, also if there is nothing to be sent.
	shortest = 10
	// maxQueue and maxBatch bound the spans that wait, for which OpenTelemetry takes room when it starts, and those that are sent together.
	maxQueue = 1_000_000
	maxBatch = 10_000
)

// spanLimits are the variables that say how large spans get.
var spanLimits = []string{
	"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
}

// checkBatches checks how spans wait and are sent together. It returns how many may wait.
func (e *environment) checkBatches() (queue int) {
	e.checkTime(e.variable("OTEL_BSP_SCHEDULE_DELAY"), shortest)
	e.checkTime(e.variable("OTEL_BSP_EXPORT_TIMEOUT"), 1)
	queue = cmp.Or(e.number("OTEL_BSP_MAX_QUEUE_SIZE", maxQueue), defaultQueue)
	const name = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	if batch := e.number(name, maxBatch); batch > queue {
		e.fault(e.variable(name), "%d spans can't be sent together when only %d may wait, which $OTEL_BSP_MAX_QUEUE_SIZE says", batch, queue)
	}
	return queue
}

// variable is a variable and its value.
type variable struct{ name, value string }

// variable returns a variable. One whose value cannot be meant is a fault, and has none.
func (e *environment) variable(name string) variable {
	v := variable{name, e.variables[name]}
	switch {
	case !utf8.ValidString(v.value):
		e.fault(v, "is not UTF-8")
	case strings.TrimSpace(v.value) != v.value: // some of its readers would take it for no value
		e.fault(v, "has white space at its beginning or its end")
	default:
		return v
	}
	return variable{name: name}
}

// exporterPrefix begins the names of the variables that say how signals are sent.
const exporterPrefix = "OTEL_EXPORTER_OTLP_"

// of returns a signal's own variable, or that of all signals if it has none.
func (e *environment) of(of signal, what string) variable {
	if own := e.variable(exporterPrefix + string(of) + "_" + what); own.value != "" {
		return own
	}
	return e.variable(exporterPrefix + what)
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

// checkSwitch reports whether a variable is true, false or nothing.
func (e *environment) checkSwitch(v variable) bool {
	ok := v.value == "" || strings.EqualFold(v.value, "true") || strings.EqualFold(v.value, "false")
	if !ok {
		e.fault(v, "%q is neither true nor false", v.value)
	}
	return ok
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
	if sampler.value == "" && arg.value != "" {
		e.fault(arg, "has no meaning without a $%s, such as parentbased_traceidratio", sampler.name)
	}
	if !ratio || arg.value == "" {
		return
	}
	if share, err := strconv.ParseFloat(arg.value, 64); err != nil || !(share >= 0 && share <= 1) {
		e.fault(arg, "%q is not a number from 0 to 1, which is the share of traces that are kept", arg.value)
	}
}

// checkResource checks what the daemon is called.
func (e *environment) checkResource() {
	e.variable("OTEL_SERVICE_NAME")
	v := e.variable("OTEL_RESOURCE_ATTRIBUTES")
	for i, p := range e.pairs(v) {
		if !utf8.ValidString(p.value) {
			e.fault(v, "the value of pair %d is not UTF-8", i+1)
		}
	}
}

// pair is a part of a list of KEY=VALUE.
type pair struct{ key, value string }

// pairs returns a list of KEY=VALUE, empty if it has a fault.
func (e *environment) pairs(v variable) (list []pair) {
	if v.value == "" {
		return nil
	}
	for text := range strings.SplitSeq(v.value, ",") {
		key, value, ok := strings.Cut(text, "=")
		value, err := url.PathUnescape(value)
		if key = strings.TrimSpace(key); !ok || key == "" || err != nil {
			// The value may be a secret.
			e.fault(v, "is not a list of KEY=VALUE, separated by commas, with %%XX for what is special in a value")
			return nil
		}
		list = append(list, pair{key, strings.TrimSpace(value)})
	}
	return list
}

// number returns the number that a variable has, 0 if it has none.
func (e *environment) number(name string, most int) int {
	return e.numberOf(e.variable(name), 1, most, "")
}

// checkTime checks a time, which is so many milliseconds at least.
func (e *environment) checkTime(v variable, least int) {
	e.numberOf(v, least, longest, " of milliseconds")
}

func (e *environment) numberOf(v variable, least, most int, what string) int {
	if v.value == "" {
		return 0
	}
	n, err := strconv.Atoi(v.value)
	if err != nil || n < least || n > most {
		e.fault(v, "%q is not a number%s from %d to %d", v.value, what, least, most)
		return 0
	}
	return n
}
