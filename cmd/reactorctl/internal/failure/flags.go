package failure

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// flags has the flag that sets a field of a request, by the field's path without what is in brackets. A field without a
// flag is here with nothing, so that none is forgotten (TestEveryFieldHasItsFlag).
var flags = map[string]string{
	"id":                       "--id",
	"spec":                     "",
	"spec.module":              "", // MODULE
	"spec.name":                "--name",
	"spec.labels":              "--label",
	"spec.args":                "", // ARG
	"spec.env":                 "--env",
	"spec.stdin":               "--stdin",
	"spec.interactive":         "--interactive",
	"spec.invoke":              "--invoke",
	"spec.call":                "", // CALL, or --call
	"spec.grants":              "",
	"spec.grants.directory":    "--dir",
	"spec.grants.listener":     "--listen",
	"spec.grants.connection":   "--connect",
	"spec.grants.dial":         "--dial",
	"spec.grants.resolve":      "--resolve",
	"spec.grants.http":         "--http",
	"spec.grants.secret":       "--secret",
	"spec.grants.link":         "--link",
	"spec.limits":              "",
	"spec.limits.memory_bytes": "--memory",
	"spec.limits.fuel":         "--fuel",
	"spec.limits.timeout":      "--timeout",
	"spec.limits.stack_bytes":  "--stack",
	"spec.limits.log_bytes":    "--log-bytes",
	"spec.limits.descriptors":  "--descriptors",
	"spec.limits.pending_ops":  "--pending-ops",
	"spec.limits.connections":  "--connections",
	"spec.limits.sent_bytes":   "--sent-bytes",

	"spec.limits.received_bytes":   "--received-bytes",
	"spec.limits.bytes_per_second": "--bytes-per-second",

	"spec.serve":                         "", // MODULE
	"spec.serve.max_instances":           "--instances",
	"spec.serve.max_concurrent_requests": "--concurrent",
	"spec.serve.max_instance_requests":   "--instance-requests",
	"spec.serve.max_waiting_requests":    "--waiting",
	"spec.serve.idle_timeout":            "--idle",
	"spec.serve.request_timeout":         "--answer-timeout",
	"spec.serve.access_log":              "--access-log",
	"spec.serve.certificate":             "--cert",
	"spec.serve.key":                     "--key",
	"spec.serve.offer":                   "--offer",

	"spec.output_mode":      "", // run asks for what it needs
	"spec.stdout_to":        "",
	"spec.stdin_from":       "",
	"spec.grant_mode":       "--grants",
	"filter.states":         "--state",
	"filter.label_selector": "--label",
	"filter.module":         "--module",
	"label_selector":        "--label",
	"tag":                   "--tag",
	"tail_lines":            "--tail",
	"since":                 "--since",
	"interval":              "--interval",
}

// FlagOf returns what sets a field on the command line, as its user wrote it: a flag, with the key of a map, or the
// number of an argument. It returns nothing if the command has no such flag.
func FlagOf(path string, has func(flag string) bool) string {
	if place, ok := strings.CutPrefix(path, "spec.call.args["); ok {
		return "args[" + place // as WAVE tells places
	}
	bare, index := split(path)
	switch bare {
	case "spec.module", "spec.call", "spec.serve": // a program is run, and a component without a start called
		return "MODULE"
	case "spec.call.export", "spec.call.args":
		if has("call") {
			return "--call"
		}
		return "CALL"
	case "spec.args":
		if n, err := strconv.Atoi(index); err == nil {
			return fmt.Sprintf("argument %d", n+1)
		}
		return "the arguments"
	case "spec.grants":
		if n, err := strconv.Atoi(index); err == nil {
			return fmt.Sprintf("grant %d", n+1)
		}
		return "the grants"
	}
	for ; bare != ""; bare, _ = cutLast(bare) {
		flag := flags[bare]
		if flag == "" || !has(strings.TrimPrefix(flag, "--")) {
			continue
		}
		if strings.HasPrefix(index, `"`) {
			return flag + " " + index
		}
		return flag
	}
	return ""
}

// granted finds the index of a grant in the path of one of its fields.
var granted = regexp.MustCompile(`^spec\.grants\[(\d+)\]\.`)

// flagOf is FlagOf with the argument of a flag that may be repeated, since that alone says which of them is meant.
func (c Command) flagOf(path string) string {
	flag := FlagOf(path, c.Flag)
	index := granted.FindStringSubmatch(path)
	if index == nil || c.Grant == nil || flag == "" {
		return flag
	}
	if i, err := strconv.Atoi(index[1]); err == nil {
		if argument := c.Grant(i); argument != "" {
			return flag + " " + strconv.Quote(argument)
		}
	}
	return flag
}

// paths finds the paths of a submission's fields in a text, as they begin the description of a fault.
var paths = regexp.MustCompile(`\bspec\.[a-z_]+(?:\[[^\]]*\]|\.[a-z_]+)*: `)

// inWords replaces paths in a text by what sets them on the command line: errors of single items of a batch have no
// fields.
func inWords(text string, has func(flag string) bool) string {
	return paths.ReplaceAllStringFunc(text, func(path string) string {
		if flag := FlagOf(strings.TrimSuffix(path, ": "), has); flag != "" {
			return flag + ": "
		}
		return path
	})
}

// split returns a path without what is in brackets, and the last of that.
func split(path string) (bare, index string) {
	var b strings.Builder
	for path != "" {
		before, rest, ok := strings.Cut(path, "[")
		b.WriteString(before)
		if !ok {
			break
		}
		end := strings.IndexByte(rest, ']')
		if strings.HasPrefix(rest, `"`) {
			if quoted, err := strconv.QuotedPrefix(rest); err == nil {
				end = len(quoted)
			}
		}
		if end < 0 || end >= len(rest) {
			break
		}
		index, path = rest[:end], rest[end+1:]
	}
	return b.String(), index
}

func cutLast(path string) (before, last string) {
	at := strings.LastIndexByte(path, '.')
	if at < 0 {
		return "", path
	}
	return path[:at], path[at+1:]
}
