package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/reactor/policy"
)

// prefix begins the name of every environment variable that is a setting.
const prefix = "REACTORD_"

// foreign has the variables with the prefix that reactorctl reads: a shell that sets them for the client must
// still be able to start the daemon.
var foreign = []string{"REACTORD_ADDR", "REACTORD_TOKEN", "REACTORD_TOKEN_FILE"}

// Loader reads a Config: make one, parse the flags, then call Load, as often as the file may have changed.
type Loader struct {
	defaults  Config
	flags     *pflag.FlagSet
	file      string
	inherited []net.Listener
}

// NewLoader defines a flag in flags for each setting. A setting that is given nowhere has its value in defaults.
func NewLoader(flags *pflag.FlagSet, defaults Config) *Loader {
	l := &Loader{defaults: defaults, flags: flags}
	flags.StringVar(&l.file, "config", "", "YAML `FILE` of settings")
	for _, s := range defaults.settings() {
		flags.Var(&rawFlag{value: s.value, raw: s.value.text()}, s.name, s.usage)
		flags.Lookup(s.name).NoOptDefVal = s.value.alone
	}
	return l
}

// Inherit has the daemon serve at listeners that somebody else has opened, besides the addresses that it is told; if it
// is told none, at those alone.
func (l *Loader) Inherit(listeners []net.Listener) { l.inherited = listeners }

// rawFlag keeps a flag's text without parsing it, so that a fault in one flag is reported together with all
// others.
type rawFlag struct {
	value value
	raw   string
	given bool
}

func (f *rawFlag) Set(s string) error {
	if f.given && f.value.list {
		s = f.raw + "," + s
	}
	f.raw, f.given = s, true
	return nil
}
func (f *rawFlag) String() string { return f.raw }
func (f *rawFlag) Type() string   { return f.value.kind }

// given is a setting's text and its source.
type given struct {
	raw    string
	source string // as a fault names it: --queue, $REACTORD_QUEUE, FILE: queue
	origin string // where to look: --queue, $REACTORD_QUEUE, FILE
}

// draft is a Config in the making.
type draft struct {
	Config
	settings    []setting // of Config
	found       map[string]given
	environment map[string]string
}

// Load returns the configuration once the flags are parsed. Its error is a *FaultsError with every fault
// there is. The environment is a list of NAME=VALUE; read reads the file of --config.
func (l *Loader) Load(environ []string, read func(string) ([]byte, error)) (Config, error) {
	d := &draft{Config: l.defaults, environment: variables(environ)}
	d.settings = d.Config.settings()
	faults := l.find(d, read)
	unread := make(map[string]bool) // settings whose own value is faulty
	for _, s := range d.settings {
		g, ok := d.found[s.name]
		if !ok {
			continue
		}
		if err := s.value.parse(g.raw); err != nil {
			unread[s.name] = true
			for message := range strings.SplitSeq(err.Error(), "\n") {
				faults = append(faults, g.source+": "+message)
			}
		}
	}
	if err := d.complete(l.inherited); err != nil {
		faults = append(faults, strings.Split(err.Error(), "\n")...)
	}
	for _, f := range d.validate() {
		source := "--" + f.setting
		if g, ok := d.found[f.setting]; ok {
			source = g.source
		}
		if !unread[f.setting] {
			faults = append(faults, source+": "+f.message)
		}
	}
	var misasked []string
	d.OTLP, misasked = otlp.Parse(d.LogSink == LogSinkOTLP, d.environment, smallfile.ReadRegular) // what sends reads them again
	if faults = append(faults, misasked...); len(faults) > 0 {
		return Config{}, &FaultsError{faults}
	}
	d.Sources = make(map[string]string, len(d.found))
	for name, g := range d.found {
		d.Sources[name] = g.origin
	}
	return d.Config, nil
}

// find finds the text of each setting that is given, in the flags, the environment and the file.
func (l *Loader) find(d *draft, read func(string) ([]byte, error)) (faults []string) {
	d.found = l.fromFlags(d.settings)
	fromEnvironment, unknown := fromEnvironment(d.settings, d.environment)
	faults = append(faults, unknown...)
	merge(d.found, fromEnvironment)

	file := l.file
	if file == "" {
		file = d.environment[variable("config")]
	}
	if file != "" {
		fromFile, unknown := fromFile(d.settings, file, read)
		faults = append(faults, unknown...)
		merge(d.found, fromFile)
		d.FileSettings = len(fromFile)
	}
	return faults
}

// complete fills in what was inherited, and the defaults that depend on other settings.
func (d *draft) complete(inherited []net.Listener) error {
	for _, limit := range d.limits() {
		if _, ok := d.found["default-"+limit.name]; !ok && limit.exceeded() {
			// Only the maximum was given: the default follows it.
			if err := limit.def.parse(limit.max.text()); err != nil {
				return err
			}
		}
	}
	getenv := func(name string) string { return d.environment[name] }
	var faults []error
	if _, ok := d.found["data-dir"]; !ok && d.Reactor.DataDir == "" {
		dir, err := local.StateDir(getenv)
		if err != nil {
			faults = append(faults, fmt.Errorf("--data-dir: is needed, since %w", err))
		}
		d.Reactor.DataDir = dir
	}
	d.inherit(inherited)
	if _, ok := d.found["listen"]; !ok && len(d.Listen) == 0 {
		sockets, err := local.Sockets(getenv)
		if err != nil {
			faults = append(faults, fmt.Errorf("--listen: is needed, since %w", err))
			return errors.Join(faults...)
		}
		d.Listen = []Address{{Network: "unix", Addr: sockets[0]}}
		d.SocketDir = filepath.Dir(sockets[0])
	}
	d.allow()
	return errors.Join(faults...)
}

// inherit adds the addresses of open listeners to those that were given.
func (d *draft) inherit(listeners []net.Listener) {
	d.Inherited = listeners
	for _, l := range listeners {
		a := AddressOf(l)
		if slices.Contains(d.Listen, a) {
			continue
		}
		d.Listen = append(slices.Clip(d.Listen), a)
		if g, ok := d.found["listen"]; ok {
			g.origin += ", systemd"
			d.found["listen"] = g
		} else {
			d.found["listen"] = given{raw: a.String(), source: "the socket from systemd", origin: "systemd"}
		}
	}
}

// allow fills in what may be granted if nothing was given: whatever the user may open if the daemon only
// serves a unix socket, where nobody else can call, and nothing if others may call over TCP.
func (d *draft) allow() {
	var most policy.Policy
	if !d.ServesTCP() {
		most = policy.Anything()
	}
	allow := &d.Reactor.Allow
	if _, ok := d.found["allow-dir"]; !ok {
		allow.Dirs = most.Dirs
	}
	if _, ok := d.found["allow-listen"]; !ok {
		allow.Listen = most.Listen
	}
	if _, ok := d.found["allow-connect"]; !ok {
		allow.Connect = most.Connect
	}
	if _, ok := d.found["allow-resolve"]; !ok {
		allow.Resolve = most.Resolve
	}
	if _, ok := d.found["allow-http"]; !ok {
		allow.HTTP = most.HTTP
	}
}

// merge adds to found the settings of lower that found lacks.
func merge(found, lower map[string]given) {
	for name, g := range lower {
		if _, ok := found[name]; !ok {
			found[name] = g
		}
	}
}

func (l *Loader) fromFlags(settings []setting) map[string]given {
	found := make(map[string]given)
	for _, s := range settings {
		if f := l.flags.Lookup(s.name); f.Changed {
			found[s.name] = given{f.Value.String(), "--" + s.name, "--" + s.name}
		}
	}
	return found
}

func fromEnvironment(settings []setting, environment map[string]string) (found map[string]given, faults []string) {
	known := append([]string{variable("config")}, foreign...)
	found = make(map[string]given)
	for _, s := range settings {
		name := variable(s.name)
		known = append(known, name)
		if raw, ok := environment[name]; ok {
			found[s.name] = given{raw, "$" + name, "$" + name}
		}
	}
	for name := range environment {
		if strings.HasPrefix(name, prefix) && !slices.Contains(known, name) {
			faults = append(faults, fmt.Sprintf("$%s: is not a setting%s", name, meantVariable(name, known)))
		}
	}
	slices.Sort(faults)
	return found, faults
}

func fromFile(settings []setting, file string, read func(string) ([]byte, error)) (found map[string]given, faults []string) {
	text, err := read(file)
	if err != nil {
		return nil, []string{"--config: " + err.Error()}
	}
	if severalDocuments(string(text)) {
		return nil, []string{file + ": has more than one YAML document (---): put all settings into one"}
	}
	var keys map[string]json.RawMessage
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err == nil {
		err = json.Unmarshal(asJSON, &keys)
	}
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: is not a YAML mapping of settings: %v", file, err)}
	}
	var known []string
	found = make(map[string]given)
	for _, s := range settings {
		known = append(known, s.name)
		value, ok := keys[s.name]
		if !ok {
			continue
		}
		raw, err := scalar(value, s.value)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %s: %v", file, s.name, err))
			continue
		}
		found[s.name] = given{raw, file + ": " + s.name, file}
	}
	for key := range keys {
		if !slices.Contains(known, key) {
			faults = append(faults, fmt.Sprintf("%s: %s: is not a setting%s", file, key, meant(key, known)))
		}
	}
	slices.Sort(faults)
	return found, faults
}

// severalDocuments reports whether there is anything after the end of a YAML text's first document. Wherever they are,
// "---" and "..." at the beginning of a line are not part of a document.
func severalDocuments(text string) bool {
	var begun, marked, ended bool
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		rest, marker := strings.CutPrefix(line, "---")
		marker = marker && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
		switch {
		case marker && (begun || marked):
			return true
		case marker:
			marked = true
			begun = strings.TrimLeft(rest, " \t") != ""
		case line == "...":
			ended = true
		case strings.TrimLeft(line, " \t") == "" || strings.HasPrefix(strings.TrimLeft(line, " \t"), "#"):
		case !begun && strings.HasPrefix(line, "%"): // a directive
		case ended:
			return true
		default:
			begun = true
		}
	}
	return false
}

// meantVariable is meant for variables. They are compared by what follows the prefix, which makes all alike.
func meantVariable(name string, known []string) string {
	rest := make([]string, 0, len(known))
	for _, k := range known {
		rest = append(rest, strings.TrimPrefix(k, prefix))
	}
	near := usage.Nearest(strings.TrimPrefix(name, prefix), rest)
	if near == "" {
		return ""
	}
	return "; did you mean " + prefix + near + "?"
}

// meant asks whether the known name that is closest to name was meant, if one is close.
func meant(name string, known []string) string {
	near := usage.Nearest(name, known)
	if near == "" {
		return ""
	}
	return "; did you mean " + near + "?"
}

// scalar returns the text of a value in the file; the elements of a list are joined by commas.
func scalar(given json.RawMessage, of value) (string, error) {
	var text string
	var number json.Number
	var truth bool
	var elements []string
	switch {
	case json.Unmarshal(given, &text) == nil && string(given) != "null":
		return text, nil
	case json.Unmarshal(given, &number) == nil && string(given) != "null":
		return number.String(), nil
	case of.alone != "" && json.Unmarshal(given, &truth) == nil && string(given) != "null":
		return strconv.FormatBool(truth), nil
	case of.list && json.Unmarshal(given, &elements) == nil && len(elements) > 0:
		return strings.Join(elements, ","), nil
	case of.alone != "":
		return "", errors.New("is neither true nor false")
	case of.list:
		return "", errors.New("is neither a string nor a list of strings")
	default:
		return "", errors.New("is neither a string nor a number")
	}
}

// variable returns a setting's environment variable.
func variable(setting string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

func variables(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			m[name] = value
		}
	}
	return m
}

// FaultsError lists every fault of a configuration.
type FaultsError struct {
	Faults []string // each begins with its source
}

func (e *FaultsError) Error() string {
	if len(e.Faults) == 1 {
		return "the configuration has a fault: " + e.Faults[0]
	}
	return fmt.Sprintf("the configuration has %d faults:\n  %s", len(e.Faults), strings.Join(e.Faults, "\n  "))
}
