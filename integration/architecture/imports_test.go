// Package architecture holds what the documents say of the code: who may import whom, which tests
// hold the promises, and what the defaults are.
package architecture

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/reactord/reactord/"

// A pattern in these rules is one package. With "/..." at its end it is that package and all below
// it; that is written only where a new package below is meant to need no new rule. Imports of tests
// are not looked at.

// floors are the storeys of the house from the bottom up, below them what all use. No package imports one of a
// floor above.
var floors = []string{"internal/...", "executor/...", "component/...", "hostcalls/...", "reactor/...", "cmd/..."}

// imports says of each package which other ones of the project it imports.
var imports = map[string][]string{
	"internal/clip":      {},
	"internal/flock":     {},
	"internal/frames":    {},
	"internal/heap":      {},
	"internal/piped":     {},
	"internal/notify":    {},
	"internal/toolchain": {},

	"executor/driver":             {"internal/heap", "internal/notify"},
	"executor/internal/histogram": {},
	"executor":                    {"internal/notify", "executor/driver", "executor/internal/histogram"},
	"executor/engine/memory":      {},
	"executor/engine/meter/wasm":  {"internal/toolchain"},
	"executor/engine/meter":       {"executor/engine/meter/wasm"},
	"executor/engine/snapshot":    {"executor/engine/meter/wasm"},
	"executor/engine":             {"internal/clip", "internal/flock", "internal/heap", "internal/toolchain", "executor/engine/meter", "executor/engine/meter/wasm", "executor/engine/memory"},

	"component":        {},
	"component/binary": {},
	"component/abi":    {"component/types", "component/value"},
	"component/names":  {},
	"component/types":  {"internal/clip", "component/binary", "component/names", "executor/engine/meter/wasm"},
	"component/value":  {"internal/clip", "component/types"},
	"component/wave":   {"internal/clip", "component/types", "component/value"},
	"component/wit":    {"component/binary", "component/names", "component/types"},
	"component/async":  {"component/types"},
	"component/plan":   {"component/binary", "component/types"},

	"component/compose":   {"component/binary", "component/names", "component/types"},
	"component/signature": {"component/plan", "component/types", "internal/clip"},
	"cmd/internal/values": {"component/signature", "component/value", "proto/reactor/v1"},

	"hostcalls":               {"executor", "executor/driver", "executor/engine"},
	"hostcalls/abi":           {"component/signature", "component/value", "executor", "executor/driver", "executor/engine", "executor/engine/snapshot", "hostcalls", "hostcalls/activity", "hostcalls/capability", "hostcalls/channel", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/network/host", "hostcalls/vfs", "hostcalls/wasihttp", "internal/clip"},
	"hostcalls/activity":      {},
	"hostcalls/capability":    {"hostcalls/network"},
	"hostcalls/channel":       {"component/types", "component/value", "internal/notify"},
	"hostcalls/component":     {"component/abi", "component/async", "component/binary", "component/names", "component/plan", "component/signature", "component/types", "component/value", "component/wit", "executor", "executor/driver", "executor/engine", "executor/engine/meter", "executor/engine/meter/wasm", "hostcalls", "hostcalls/abi", "hostcalls/activity", "hostcalls/capability", "hostcalls/channel", "hostcalls/lease", "hostcalls/link", "hostcalls/refusal"},
	"hostcalls/files":         {"internal/clip", "executor/driver", "executor/engine", "hostcalls", "hostcalls/capability", "hostcalls/lease", "hostcalls/vfs"},
	"hostcalls/grants":        {"executor", "executor/driver", "hostcalls", "hostcalls/abi", "hostcalls/capability", "hostcalls/files", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/vfs"},
	"hostcalls/lease":         {"hostcalls/network"},
	"hostcalls/link":          {"component/names", "component/types", "component/value", "hostcalls"},
	"hostcalls/network":       {"executor/driver", "hostcalls"},
	"hostcalls/network/host":  {"executor/driver", "hostcalls", "hostcalls/network"},
	"hostcalls/refusal":       {"executor/engine", "hostcalls", "hostcalls/abi", "hostcalls/network"},
	"hostcalls/service":       {"executor", "executor/driver", "executor/engine", "hostcalls", "hostcalls/abi", "hostcalls/capability", "hostcalls/component", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/wasihttp", "internal/clip", "internal/frames"},
	"hostcalls/stdio":         {"hostcalls"},
	"hostcalls/vfs":           {},
	"hostcalls/wasi":          {"component/abi", "executor/driver", "hostcalls", "hostcalls/abi", "hostcalls/capability", "hostcalls/component", "hostcalls/files", "hostcalls/grants", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/refusal", "hostcalls/stdio", "hostcalls/vfs", "hostcalls/wasihttp"},
	"hostcalls/wasi/versions": {"component/names", "hostcalls/abi", "hostcalls/component", "hostcalls/files", "hostcalls/service", "hostcalls/wasi", "hostcalls/wasihttp", "hostcalls/wasip2", "hostcalls/wasip3"},
	"hostcalls/wasihttp":      {"component/abi", "hostcalls", "hostcalls/network", "internal/clip"},
	"hostcalls/wasip1":        {"executor", "executor/driver", "executor/engine", "executor/engine/meter", "executor/engine/snapshot", "hostcalls", "hostcalls/abi", "hostcalls/capability", "hostcalls/files", "hostcalls/grants", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/refusal", "hostcalls/stdio", "hostcalls/vfs"},
	"hostcalls/wasip2":        {"component/abi", "hostcalls", "hostcalls/abi", "hostcalls/component", "hostcalls/files", "hostcalls/network", "hostcalls/stdio", "hostcalls/vfs", "hostcalls/wasi", "hostcalls/wasihttp"},
	"hostcalls/wasip3":        {"component/abi", "executor/driver", "hostcalls", "hostcalls/abi", "hostcalls/component", "hostcalls/files", "hostcalls/network", "hostcalls/stdio", "hostcalls/vfs", "hostcalls/wasi", "hostcalls/wasihttp"},

	"hostcalls/network/networktest":   {"hostcalls", "hostcalls/network"},
	"hostcalls/wasihttp/client":       {"hostcalls", "hostcalls/network", "hostcalls/wasihttp"},
	"hostcalls/wasi/wasitest":         {"component/types", "component/wit", "hostcalls/component"},
	"hostcalls/wasihttp/wasihttptest": {"executor", "hostcalls/abi", "hostcalls/component", "hostcalls/wasi/versions", "hostcalls/wasihttp"},

	"reactor/api":             {"component/signature", "component/value", "hostcalls/activity", "reactor/grant"},
	"reactor/errs":            {"internal/clip"},
	"reactor/grant":           {"hostcalls/capability", "hostcalls/network", "reactor/errs", "reactor/policy", "reactor/internal/lookup", "reactor/internal/retry", "reactor/internal/text"},
	"reactor/hooks":           {"reactor/api"},
	"reactor/policy":          {"hostcalls/network"},
	"reactor/store":           {},
	"reactor/store/blob":      {},
	"reactor/store/sqlite":    {"internal/flock", "internal/notify", "reactor/store", "reactor/store/blob"},
	"reactor/store/storetest": {"reactor/store"},
	"reactor/internal/access": {"hostcalls/lease", "hostcalls/network", "hostcalls/wasihttp/client", "reactor/errs", "reactor/grant", "reactor/policy"},
	"reactor/internal/attempt": {
		"executor", "executor/driver", "hostcalls", "hostcalls/abi", "hostcalls/capability", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "hostcalls/vfs", "hostcalls/wasihttp", "hostcalls/wasihttp/client",
		"reactor/api", "reactor/hooks",
		"reactor/internal/access", "reactor/internal/equip", "reactor/internal/learn", "reactor/internal/lifecycle", "reactor/internal/logbuf", "reactor/internal/outcome", "reactor/internal/pipes", "reactor/internal/retry", "reactor/internal/stdio", "reactor/internal/symbol", "reactor/internal/terminal",
	},
	"reactor/internal/calls": {
		"executor", "executor/engine", "hostcalls", "hostcalls/abi", "hostcalls/channel", "hostcalls/link", "hostcalls/network", "hostcalls/vfs",
		"reactor/api", "reactor/errs", "reactor/grant", "reactor/store",
		"reactor/internal/equip", "reactor/internal/intake", "reactor/internal/lifecycle", "reactor/internal/outcome", "reactor/internal/refusal", "reactor/internal/retry", "reactor/internal/stdio",
	},
	"reactor/internal/cancel":    {"reactor/api", "reactor/errs", "reactor/store", "reactor/internal/intake", "reactor/internal/refusal", "reactor/internal/selector"},
	"reactor/internal/closing":   {},
	"reactor/internal/crash":     {},
	"reactor/internal/equip":     {"executor/driver", "hostcalls/abi", "hostcalls/capability", "hostcalls/lease", "hostcalls/link", "hostcalls/network", "reactor/api", "reactor/grant", "reactor/internal/access"},
	"reactor/internal/feed":      {"internal/notify"},
	"reactor/internal/intake":    {"hostcalls/capability", "reactor/api", "reactor/errs", "reactor/grant", "reactor/store", "reactor/internal/selector", "reactor/internal/text"},
	"reactor/internal/learn":     {"internal/clip", "hostcalls", "reactor/api", "reactor/grant", "reactor/policy"},
	"reactor/internal/lifecycle": {},
	"reactor/internal/revoke":    {"reactor/api", "reactor/errs", "reactor/grant", "reactor/store", "reactor/internal/intake", "reactor/internal/record", "reactor/internal/refusal"},
	"reactor/internal/logbuf":    {"internal/notify", "reactor/store"},
	"reactor/internal/lookup":    {},
	"reactor/internal/modules": {
		"executor/engine", "executor/engine/meter", "hostcalls/abi",
		"reactor/api", "reactor/errs", "reactor/store", "reactor/internal/intake", "reactor/internal/refusal",
	},
	"reactor/internal/observe": {
		"internal/clip", "internal/notify", "hostcalls", "reactor/api", "reactor/errs", "reactor/store",
		"reactor/internal/attempt", "reactor/internal/feed", "reactor/internal/logbuf", "reactor/internal/record", "reactor/internal/refusal", "reactor/internal/terminal",
	},
	"reactor/internal/outcome": {"component/value",
		"executor", "executor/engine", "executor/engine/meter", "hostcalls/abi", "hostcalls/capability",
		"reactor/api", "reactor/grant", "reactor/store", "reactor/internal/lifecycle", "reactor/internal/retry",
	},
	"reactor/internal/pipes":     {"hostcalls"},
	"reactor/internal/permit":    {"hostcalls/capability", "reactor/grant", "reactor/policy", "reactor/internal/lookup"},
	"reactor/internal/process":   {},
	"reactor/internal/record":    {"component/value", "reactor/api", "reactor/grant", "reactor/hooks", "reactor/store"},
	"reactor/internal/refusal":   {"reactor/errs", "reactor/store"},
	"reactor/internal/retention": {},
	"reactor/internal/retry":     {},
	"reactor/internal/runner": {
		"internal/clip", "internal/notify", "executor", "executor/engine", "hostcalls", "hostcalls/abi", "hostcalls/wasihttp",
		"reactor/api", "reactor/hooks", "reactor/store",
		"reactor/internal/attempt", "reactor/internal/learn", "reactor/internal/lifecycle", "reactor/internal/logbuf", "reactor/internal/outcome", "reactor/internal/pipes", "reactor/internal/record",
		"reactor/internal/refusal", "reactor/internal/retry", "reactor/internal/schedule", "reactor/internal/terminal",
	},
	"reactor/internal/schedule": {"internal/heap", "reactor/internal/lifecycle", "reactor/internal/retry"},
	"reactor/internal/snapshots": {
		"internal/clip", "executor", "executor/engine", "executor/engine/meter", "executor/engine/meter/wasm", "executor/engine/snapshot", "hostcalls", "hostcalls/abi",
		"reactor/api", "reactor/errs", "reactor/store", "reactor/internal/intake", "reactor/internal/modules", "reactor/internal/outcome", "reactor/internal/refusal", "reactor/internal/stdio",
	},
	"reactor/internal/selector": {"reactor/store"},
	"reactor/internal/stdio":    {"hostcalls", "reactor/store", "reactor/internal/logbuf", "reactor/internal/terminal"},
	"reactor/internal/submission": {
		"hostcalls/abi", "reactor/api", "reactor/errs", "reactor/grant", "reactor/hooks", "reactor/store",
		"reactor/internal/attempt", "reactor/internal/intake", "reactor/internal/outcome", "reactor/internal/pipes", "reactor/internal/record", "reactor/internal/refusal",
	},
	"reactor/internal/symbol":   {"internal/clip"},
	"reactor/internal/terminal": {"internal/notify", "hostcalls", "reactor/api", "reactor/store"},
	"reactor/internal/text":     {"reactor/errs"},
	"reactor": {
		"internal/notify",
		"executor", "executor/driver", "executor/engine", "executor/engine/meter",
		"hostcalls", "hostcalls/abi", "hostcalls/channel", "hostcalls/link", "hostcalls/network", "hostcalls/network/host", "hostcalls/vfs", "hostcalls/wasihttp",
		"reactor/api", "reactor/errs", "reactor/grant", "reactor/hooks", "reactor/policy", "reactor/store", "reactor/internal/...",
	},

	"proto/internal/protoc-gen-reference": {},

	"proto/reactor/v1":       {},
	"examples/...":           {"proto/reactor/v1"},
	"cmd/internal/help":      {"cmd/internal/screen"},
	"cmd/internal/local":     {},
	"cmd/internal/manual":    {"cmd/internal/version"},
	"cmd/internal/oci":       {},
	"cmd/internal/printable": {},
	"cmd/internal/quantity":  {},
	"cmd/internal/reference": {"cmd/internal/screen"},
	"cmd/internal/screen":    {"cmd/internal/printable"},
	"cmd/internal/smallfile": {},
	"cmd/internal/table":     {"cmd/internal/printable", "cmd/internal/screen"},
	"cmd/internal/usage":     {},
	"cmd/internal/version":   {},

	"cmd/reactorctl":                    {"cmd/reactorctl/internal/cli", "cmd/reactorctl/internal/interrupt"},
	"cmd/reactorctl/internal/cli":       {"internal/clip", "component/binary", "component/compose", "component/signature", "component/types", "component/value", "component/wave", "component/wit", "cmd/internal/values", "cmd/reactorctl/internal/...", "cmd/internal/help", "cmd/internal/oci", "cmd/internal/printable", "cmd/internal/quantity", "cmd/internal/screen", "cmd/internal/table", "cmd/internal/usage", "cmd/internal/version", "proto/reactor/v1"},
	"cmd/reactorctl/internal/endpoint":  {"cmd/reactorctl/internal/settings", "cmd/internal/local", "cmd/internal/smallfile"},
	"cmd/reactorctl/internal/progress":  {"cmd/internal/printable", "cmd/internal/screen"},
	"cmd/reactorctl/internal/attach":    {"cmd/reactorctl/internal/follow", "cmd/reactorctl/internal/reason", "proto/reactor/v1"},
	"cmd/reactorctl/internal/channels":  {"internal/notify", "component/types", "component/value", "component/wave", "cmd/internal/values", "proto/reactor/v1"},
	"cmd/reactorctl/internal/logs":      {"cmd/reactorctl/internal/follow", "proto/reactor/v1"},
	"cmd/reactorctl/internal/launch":    {"cmd/reactorctl/internal/follow", "cmd/reactorctl/internal/reason", "proto/reactor/v1"},
	"cmd/reactorctl/internal/interrupt": {},
	"cmd/reactorctl/internal/failure":   {"cmd/reactorctl/internal/reason", "cmd/internal/usage", "proto/reactor/v1"},
	"cmd/reactorctl/internal/follow":    {"cmd/reactorctl/internal/reason", "proto/reactor/v1"},
	"cmd/reactorctl/internal/reason":    {"proto/reactor/v1"},
	"cmd/reactorctl/internal/render":    {"cmd/internal/values", "cmd/reactorctl/internal/settings", "cmd/internal/printable", "cmd/internal/quantity", "cmd/internal/screen", "cmd/internal/table", "proto/reactor/v1"},
	"cmd/reactorctl/internal/outfile":   {},
	"cmd/reactorctl/internal/settings":  {"cmd/internal/smallfile", "cmd/reactorctl/internal/outfile"},
	"cmd/reactorctl/internal/since":     {},
	"cmd/reactorctl/internal/source":    {"internal/toolchain", "cmd/internal/oci", "cmd/reactorctl/internal/interrupt"},
	"cmd/reactorctl/internal/dev":       {"cmd/reactorctl/internal/source", "cmd/reactorctl/internal/watch"},
	"cmd/reactorctl/internal/watch":     {},
	"cmd/reactorctl/internal/top":       {"cmd/reactorctl/internal/render", "cmd/internal/printable", "cmd/internal/screen", "cmd/internal/table", "proto/reactor/v1"},
	"cmd/reactorctl/internal/viewer":    {"cmd/reactorctl/internal/interrupt", "cmd/internal/screen"},

	"cmd/reactord":                   {"cmd/reactord/internal/cli"},
	"cmd/reactord/internal/cli":      {"cmd/reactord/internal/config", "cmd/reactord/internal/daemon", "cmd/reactord/internal/demo", "cmd/reactord/internal/inflight", "cmd/reactord/internal/systemd", "cmd/internal/help", "cmd/internal/local", "cmd/internal/printable", "cmd/internal/quantity", "cmd/internal/screen", "cmd/internal/smallfile", "cmd/internal/table", "cmd/internal/usage", "cmd/internal/version", "reactor"},
	"cmd/reactord/internal/access":   {"cmd/internal/smallfile", "reactor/errs"},
	"cmd/reactord/internal/config":   {"cmd/reactord/internal/access", "cmd/reactord/internal/inflight", "cmd/reactord/internal/otlp", "cmd/reactord/internal/registries", "cmd/internal/local", "cmd/internal/quantity", "cmd/internal/smallfile", "cmd/internal/usage", "reactor", "reactor/policy"},
	"cmd/reactord/internal/conns":    {},
	"cmd/reactord/internal/daemon":   {"internal/flock", "cmd/reactord/internal/...", "cmd/internal/local", "cmd/internal/version", "hostcalls/abi", "hostcalls/component", "hostcalls/wasi/versions", "hostcalls/wasip1", "reactor", "reactor/api", "reactor/hooks", "reactor/policy", "reactor/store", "reactor/store/sqlite"},
	"cmd/reactord/internal/demo":     {"cmd/reactord/internal/config", "cmd/reactord/internal/daemon", "cmd/internal/quantity", "cmd/internal/screen", "cmd/internal/table", "component/compose", "examples", "proto/reactor/v1", "reactor"},
	"cmd/reactord/internal/inflight": {"cmd/reactord/internal/conns", "cmd/internal/quantity", "internal/frames", "internal/notify", "reactor/errs"},
	"cmd/reactord/internal/lifelog":  {"internal/clip", "internal/notify", "cmd/reactord/internal/config", "reactor/api", "reactor/hooks"},
	"cmd/reactord/internal/logsink":  {"internal/notify", "cmd/internal/printable", "cmd/reactord/internal/otlp", "reactor/api", "reactor/hooks"},
	"cmd/reactord/internal/metrics":  {"cmd/reactord/internal/conns", "hostcalls", "reactor/api", "reactor/errs", "reactor/hooks"},
	"cmd/reactord/internal/otlp":     {},
	"cmd/reactord/internal/pace":     {},
	"cmd/reactord/internal/systemd":  {},
	"cmd/reactord/internal/server":   {"component/signature", "component/value", "hostcalls/channel", "cmd/internal/values", "internal/clip", "cmd/reactord/internal/access", "cmd/reactord/internal/inflight", "cmd/reactord/internal/registries", "proto/reactor/v1", "reactor", "reactor/api", "reactor/errs", "reactor/grant"},
	"cmd/reactord/internal/tracing":  {"cmd/reactord/internal/otlp", "hostcalls/wasihttp", "reactor/api", "reactor/hooks"},
	"cmd/reactord/internal/trim":     {},
	"cmd/reactord/internal/ui":       {"cmd/reactord/internal/access", "cmd/reactord/internal/conns", "proto/reactor/v1"},

	"cmd/reactord/internal/registries": {"cmd/internal/oci", "cmd/internal/smallfile", "reactor/api", "reactor/errs"},

	"integration/internal/browser": {},
	"integration/internal/testkit": {"proto/reactor/v1"},
	"integration":                  {}, // the others there consist of tests
	"integration/architecture":     {},
	"integration/attack":           {},
	"integration/bench":            {},
	"integration/clients":          {},
	"integration/guides":           {},
	"integration/conformance":      {},
	"integration/fetch":            {},
	"integration/web":              {},
}

// importers says of each package of others which ones of the project import it.
var importers = map[string][]string{
	"github.com/tetratelabs/wazero/...":                    {"executor/engine", "hostcalls/abi", "hostcalls/component", "hostcalls/wasip1"},
	"modernc.org/sqlite/...":                               {"reactor/store/sqlite"},
	"google.golang.org/grpc/...":                           {"proto/reactor/v1", "cmd/...", "examples/clients/go", "examples/web", "integration/internal/testkit"},
	"google.golang.org/protobuf/...":                       {"proto/...", "cmd/..."},
	"google.golang.org/genproto/googleapis/rpc/errdetails": {"cmd/reactord/internal/server", "cmd/reactorctl/...", "examples/clients/go", "integration/internal/testkit"},
	"go.uber.org/zap/...":                                  {"reactor", "reactor/internal/closing", "reactor/internal/crash", "reactor/internal/runner", "cmd/reactord/..."},
	"github.com/coreos/go-systemd/v22/...":                 {"cmd/reactord/internal/systemd"},
	"github.com/spf13/cobra":                               {"cmd/..."},
	"github.com/spf13/cobra/doc":                           {"cmd/internal/manual"},
	"github.com/spf13/pflag":                               {"cmd/..."},
	"sigs.k8s.io/yaml":                                     {"cmd/..."},
	"golang.org/x/term":                                    {"cmd/..."},
	"oras.land/oras-go/v2/...":                             {"cmd/internal/oci"},
	"github.com/opencontainers/...":                        {"cmd/internal/oci"},
	"github.com/mattn/go-runewidth":                        {"cmd/internal/..."},
	"github.com/creack/pty":                                {"integration/internal/testkit"},
	"github.com/hinshun/vt10x":                             {"integration/internal/testkit"},
	"github.com/dustin/go-humanize":                        {"executor/engine", "reactor/internal/calls", "reactor/internal/intake", "reactor/internal/runner", "reactor/store/blob", "reactor/store/sqlite", "cmd/..."},
	"github.com/ianlancetaylor/demangle":                   {"reactor/internal/symbol"},
	"mvdan.cc/sh/v3/shell":                                 {"cmd/reactorctl/internal/cli"},
	"mvdan.cc/sh/v3/syntax":                                {"cmd/reactorctl/internal/render"},
	"github.com/fsnotify/fsnotify":                         {"cmd/reactorctl/internal/watch"},
	"charm.land/bubbletea/v2":                              {"cmd/reactorctl/internal/viewer"},
	"github.com/theory/jsonpath":                           {"cmd/reactorctl/internal/render"},
	"github.com/KimMachineGun/automemlimit/memlimit":       {"reactor/internal/process"},
	"golang.org/x/time/rate":                               {"cmd/reactord/internal/lifelog", "cmd/reactord/internal/logsink"},
	"golang.org/x/sync/errgroup":                           {"cmd/reactorctl/internal/cli"},
	"golang.org/x/sync/semaphore":                          {"reactor/store/sqlite"},
	"connectrpc.com/vanguard":                              {"cmd/reactord/internal/ui"},
	"golang.org/x/net/http/httpguts":                       {"hostcalls/service", "hostcalls/wasihttp"},
	"github.com/prometheus/...":                            {"cmd/reactord/internal/metrics"},
	"golang.org/x/net/idna":                                {"hostcalls/network"},
	"golang.org/x/sys/unix":                                {"internal/flock", "executor/...", "hostcalls/...", "reactor/...", "cmd/..."},
	"github.com/google/go-cmp/cmp":                         {"reactor/store/storetest"},
	"github.com/go-logr/logr":                              {"cmd/reactord/internal/otlp"},
	"go.opentelemetry.io/otel/...":                         {"cmd/reactord/internal/logsink", "cmd/reactord/internal/otlp", "cmd/reactord/internal/tracing"},
}

// systems are those that the daemon runs on. Each compiles files of its own.
var systems = []string{"linux", "darwin"}

func TestImports(t *testing.T) {
	packages := list(t)
	for _, problem := range checkFloors(packages) {
		t.Error(problem)
	}
	for _, problem := range checkOwn(imports, packages) {
		t.Error(problem)
	}
	for _, problem := range checkOthers(importers, packages) {
		t.Error(problem)
	}
}

// packages are the packages of the project, each with everything that it imports.
type packages map[string][]string

func checkFloors(all packages) (problems []string) {
	floor := func(path string) int {
		return slices.IndexFunc(floors, func(pattern string) bool { return matches(pattern, path) })
	}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		for _, imported := range all[path] {
			own, ok := strings.CutPrefix(imported, module)
			if from := floor(path); ok && from >= 0 && floor(own) > from {
				problems = append(problems, fmt.Sprintf("%s imports %s, which is on a floor above it: pass it what it needs, as a value, a function or an interface that it declares itself", path, own))
			}
		}
	}
	return problems
}

func checkOwn(rules map[string][]string, all packages) []string {
	uses := map[string][]string{}
	for path, imported := range all {
		uses[path] = nil
		for _, name := range imported {
			if own, ok := strings.CutPrefix(name, module); ok {
				uses[path] = append(uses[path], own)
			}
		}
	}
	return check(rules, uses, wording{
		unlisted:  "%[1]s has no rule: add one to `imports`, with each package of the project that it imports",
		forbidden: "%[1]s imports %[2]s, which the rule of %[3]q does not have: do without it or, if it is to be so, add it to the rule",
		unused:    "the rule of %[3]q in `imports` has %[2]q, which it does not import: delete that",
		dead:      "`imports` has a rule of %[3]q, and there is no such package: delete it",
	})
}

func checkOthers(rules map[string][]string, all packages) []string {
	uses := map[string][]string{}
	for path, imported := range all {
		for _, name := range imported {
			first, _, _ := strings.Cut(name, "/")
			if !strings.HasPrefix(name, module) && (strings.Contains(first, ".") || name == "C") {
				uses[name] = append(uses[name], path)
			}
		}
	}
	return check(rules, uses, wording{
		unlisted:  "%[1]s is imported by %[2]s and has no rule: add one to `importers`, and its row with the reason to docs/rationale.md (C is what cgo needs, and there is none here)",
		forbidden: "%[2]s imports %[1]s, which the rule of %[3]q does not let it: use what an allowed package offers or, if it is to be so, add it to the rule",
		unused:    "the rule of %[3]q in `importers` has %[2]q, which does not import it: delete that",
		dead:      "`importers` has a rule of %[3]q, which nothing imports: delete it",
	})
}

// wording is what each kind of problem is called. The subject of a rule is %[1]s, what it is used
// with or by is %[2]s, and the pattern that the rule stands under is %[3]s.
type wording struct{ unlisted, forbidden, unused, dead string }

// check says where uses and rules differ, in either direction. Every subject of uses stands under
// exactly one rule, which has all that the subject is used with and no more.
func check(rules, uses map[string][]string, say wording) (problems []string) {
	used := map[[2]string]bool{}
	alive := map[string]bool{}
	for _, subject := range slices.Sorted(maps.Keys(uses)) {
		under := slices.DeleteFunc(slices.Sorted(maps.Keys(rules)), func(pattern string) bool { return !matches(pattern, subject) })
		if len(under) == 0 {
			problems = append(problems, fmt.Sprintf(say.unlisted, subject, strings.Join(uses[subject], ", ")))
			continue
		}
		if len(under) > 1 {
			problems = append(problems, fmt.Sprintf("%s stands under more than one rule, %q: leave one of them", subject, under))
		}
		for _, pattern := range under {
			alive[pattern] = true
		}
		for _, object := range uses[subject] {
			allowed := slices.IndexFunc(rules[under[0]], func(pattern string) bool { return matches(pattern, object) })
			if allowed < 0 {
				problems = append(problems, fmt.Sprintf(say.forbidden, subject, object, under[0]))
				continue
			}
			used[[2]string{under[0], rules[under[0]][allowed]}] = true
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(rules)) {
		if !alive[pattern] {
			problems = append(problems, fmt.Sprintf(say.dead, "", "", pattern))
			continue
		}
		for _, object := range rules[pattern] {
			if !used[[2]string{pattern, object}] {
				problems = append(problems, fmt.Sprintf(say.unused, "", object, pattern))
			}
		}
	}
	return problems
}

// matches says whether path is what the pattern names, or with "/..." at its end below that.
func matches(pattern, path string) bool {
	root, subtree := strings.CutSuffix(pattern, "/...")
	return path == root || subtree && strings.HasPrefix(path, root+"/")
}

// list returns every package of the project, with what its files import on any system. It reads the
// files itself, and not by `go list`, so that a cached result of this test is none of an older state.
func list(t *testing.T) packages {
	t.Helper()
	const root = "../.."
	all := packages{}
	err := filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); dir != root && (name == "testdata" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && dir != root {
			return fs.SkipDir // a module of its own
		}
		path, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		for _, system := range systems {
			p, err := importsOf(dir, system)
			if err != nil {
				return err
			}
			if p != nil {
				all[path] = slices.Compact(slices.Sorted(slices.Values(append(all[path], p...))))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// importsOf returns what the files of a folder import on a system, nil if there are none.
func importsOf(dir, system string) ([]string, error) {
	context := build.Default
	context.GOOS, context.CgoEnabled = system, true // or files that use cgo would not be looked at
	p, err := context.ImportDir(dir, 0)
	var none *build.NoGoError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]string{}, p.Imports...), nil
}
