package intake

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

var (
	testBounds = Bounds{
		Labels: 3, Arguments: 4, Grants: 5, ArgumentBytes: 60, StdinBytes: 7,
		Limits: api.Limits{
			MemoryBytes: 100, Fuel: 101, Timeout: 102, StackBytes: 103, LogBytes: 104, Descriptors: 105, PendingOps: 106, Connections: 107,
		},
	}
	testDefaults = api.Limits{MemoryBytes: 10, StackBytes: 10, LogBytes: 10, Descriptors: 50, PendingOps: 10, Connections: 50}
)

// pathsOf checks a spec that change has changed, and returns the paths of its faults in order.
func pathsOf(t *testing.T, b Bounds, change func(*api.Spec)) []string {
	t.Helper()
	spec := api.Spec{Module: "m"}
	change(&spec)
	var f errs.Faults
	b.CheckSpec(&f, &spec, spec.Limits.Or(testDefaults))
	paths := []string{}
	for _, fault := range f {
		paths = append(paths, fault.Path)
		if fault.Description == "" {
			t.Errorf("the fault of %s says nothing", fault.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

func wantPaths(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("%s: faults differ (-want +got):\n%s", what, diff)
	}
}

// numbered returns n different keys.
func numbered(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint("k", i)] = ""
	}
	return m
}

// listeners returns n grants.
func listeners(n int) []grant.Grant {
	var grants []grant.Grant
	for range n {
		grants = append(grants, grant.Listener{Address: "localhost:0"})
	}
	return grants
}

// TestSpecBounds: a spec at a bound has no fault, and one just above it has one, of the field that is too large.
func TestSpecBounds(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, tc := range []struct {
		name  string
		bound int
		path  string // of the fault
		make  func(s *api.Spec, n int)
	}{
		{"bytes of the name", 128, "spec.name", func(s *api.Spec, n int) { s.Name = a(n) }},
		{"labels", testBounds.Labels, "spec.labels", func(s *api.Spec, n int) { s.Labels = numbered(n) }},
		{
			"bytes of a label's key", 63, fmt.Sprintf("spec.labels[%q]", a(64)),
			func(s *api.Spec, n int) { s.Labels = map[string]string{a(n): ""} },
		},
		{
			"bytes of a label's value", 63, `spec.labels["k"]`,
			func(s *api.Spec, n int) { s.Labels = map[string]string{"k": a(n)} },
		},
		{"arguments", testBounds.Arguments, "spec.args", func(s *api.Spec, n int) { s.Args = make([]string, n) }},
		{"variables", testBounds.Arguments, "spec.env", func(s *api.Spec, n int) { s.Env = numbered(n) }},
		// A zero byte follows each argument and each variable, and "=" the variable's name.
		{"bytes of an argument", testBounds.ArgumentBytes - 1, "spec.args", func(s *api.Spec, n int) { s.Args = []string{a(n)} }},
		{"bytes of two arguments", testBounds.ArgumentBytes - 2, "spec.args", func(s *api.Spec, n int) { s.Args = []string{a(n), ""} }},
		{
			"bytes of a variable's name", testBounds.ArgumentBytes - 2, "spec.args",
			func(s *api.Spec, n int) { s.Env = map[string]string{a(n): ""} },
		},
		{
			"bytes of a variable's value", testBounds.ArgumentBytes - 3, "spec.args",
			func(s *api.Spec, n int) { s.Env = map[string]string{"k": a(n)} },
		},
		{
			"bytes of both together", testBounds.ArgumentBytes - 4, "spec.args",
			func(s *api.Spec, n int) { s.Args, s.Env = []string{a(n)}, map[string]string{"k": ""} },
		},
		{"bytes of standard input", testBounds.StdinBytes, "spec.stdin", func(s *api.Spec, n int) { s.Stdin = make([]byte, n) }},
		{"grants", testBounds.Grants, "spec.grants", func(s *api.Spec, n int) { s.Grants = listeners(n) }},
		{
			"bytes of a guest's path", 4096, "spec.grants[0].directory.guest_path",
			func(s *api.Spec, n int) { s.Grants = []grant.Grant{grant.Directory{HostPath: "/", GuestPath: a(n)}} },
		},
		{
			"bytes of a host", 253, "spec.grants[0].connection.address",
			func(s *api.Spec, n int) {
				s.Grants = []grant.Grant{grant.Connection{Address: strings.Repeat("a.", n)[:n-1] + "x:1"}}
			},
		},
		{
			"bytes of a pattern", 512, "spec.grants[0].dial.pattern",
			func(s *api.Spec, n int) {
				s.Grants = []grant.Grant{grant.Dial{Pattern: "[::1]:1-" + strings.Repeat("0", n-9) + "2"}}
			},
		},
		{
			"bytes of a secret's reference", 4096, "spec.grants[0].secret.ref",
			func(s *api.Spec, n int) { s.Grants = []grant.Grant{grant.Secret{Name: "A", Ref: "env:" + a(n-4)}} },
		},
		{
			"bytes of a secret's variable", 256, "spec.grants[0].secret.name",
			func(s *api.Spec, n int) { s.Grants = []grant.Grant{grant.Secret{Name: a(n), Ref: "env:A"}} },
		},
		{
			"bytes of a name for the guest", 64, "spec.grants[0].listener.name",
			func(s *api.Spec, n int) { s.Grants = []grant.Grant{grant.Listener{Address: ":1", Name: a(n)}} },
		},
		{
			"methods", 16, "spec.grants[0].http.methods",
			func(s *api.Spec, n int) {
				s.Grants = []grant.Grant{grant.HTTP{Origin: "http://a", Methods: strings.Split(strings.Repeat(",A", n)[1:], ",")}}
			},
		},
		{
			"bytes of a path's prefix", 1024, "spec.grants[0].http.path_prefix",
			func(s *api.Spec, n int) {
				s.Grants = []grant.Grant{grant.HTTP{Origin: "http://a", PathPrefix: "/" + a(n-1)}}
			},
		},
		{
			"protocols of ALPN", 16, "spec.grants[0].connection.tls.alpn",
			func(s *api.Spec, n int) {
				tls := &grant.TLS{ALPN: strings.Split(strings.Repeat(",A", n)[1:], ",")}
				s.Grants = []grant.Grant{grant.Connection{Address: "a:1", TLS: tls}}
			},
		},
		{
			"the port of a connection", math.MaxUint16, "spec.grants[0].connection.address",
			func(s *api.Spec, n int) { s.Grants = []grant.Grant{grant.Connection{Address: fmt.Sprint("h:", n)}} },
		},
		{
			"the port of a listener", math.MaxUint16, "spec.grants[1].listener.address",
			func(s *api.Spec, n int) { s.Grants = append(listeners(1), grant.Listener{Address: fmt.Sprint(":", n)}) },
		},
		{
			"grants for which there are descriptors", 2, "spec.limits.descriptors",
			func(s *api.Spec, n int) { s.Grants, s.Limits.Descriptors = listeners(n), stdioDescriptors+2 },
		},
		{
			"grants for which there are connections", 2, "spec.limits.connections",
			func(s *api.Spec, n int) {
				s.Grants, s.Limits.Connections = append(listeners(n), grant.Dial{Pattern: "a:1"}), 2
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantPaths(t, "none", pathsOf(t, testBounds, func(*api.Spec) {}))
			wantPaths(t, "at the bound", pathsOf(t, testBounds, func(s *api.Spec) { tc.make(s, tc.bound) }))
			wantPaths(t, "above it", pathsOf(t, testBounds, func(s *api.Spec) { tc.make(s, tc.bound+1) }), tc.path)
		})
	}
}

// TestLimitBounds: each limit has a maximum. Zero takes the default; a maximum of zero is none.
func TestLimitBounds(t *testing.T) {
	paths := map[string]string{
		"MemoryBytes": "memory_bytes", "Fuel": "fuel", "Timeout": "timeout", "StackBytes": "stack_bytes",
		"LogBytes": "log_bytes", "Descriptors": "descriptors", "PendingOps": "pending_ops",
		"Connections": "connections", "SentBytes": "sent_bytes", "ReceivedBytes": "received_bytes", "BytesPerSecond": "bytes_per_second",
	}
	field := func(l *api.Limits, i int) reflect.Value { return reflect.ValueOf(l).Elem().Field(i) }
	set := func(v reflect.Value, n uint64) {
		if v.CanInt() {
			v.SetInt(int64(n))
		} else {
			v.SetUint(n)
		}
	}
	for i := range reflect.TypeFor[api.Limits]().NumField() {
		name := reflect.TypeFor[api.Limits]().Field(i).Name
		t.Run(name, func(t *testing.T) {
			bounds := testBounds
			most := field(&bounds.Limits, i)
			maximum, largest := uint64(100+i), uint64(math.MaxInt64)
			if most.CanUint() {
				largest = math.MaxUint64 >> (64 - most.Type().Bits())
			}
			set(most, maximum)
			of := func(n uint64) []string {
				t.Helper()
				return pathsOf(t, bounds, func(s *api.Spec) { set(field(&s.Limits, i), n) })
			}
			wantPaths(t, "zero", of(0))
			wantPaths(t, "at the maximum", of(maximum))
			wantPaths(t, "above it", of(maximum+1), "spec.limits."+paths[name])
			wantPaths(t, "the largest number", of(largest), "spec.limits."+paths[name])
			set(most, 0)
			wantPaths(t, "without a maximum", of(largest))
		})
	}
}

// TestSpecFaults: what no bound says. Each fault of a spec is told, with its field.
func TestSpecFaults(t *testing.T) {
	folder := func(host, guest string) grant.Grant { return grant.Directory{HostPath: host, GuestPath: guest} }
	grants := func(grants ...grant.Grant) func(*api.Spec) {
		return func(s *api.Spec) { s.Grants = grants }
	}
	for _, tc := range []struct {
		name   string
		change func(*api.Spec)
		want   []string
	}{
		{"no module", func(s *api.Spec) { s.Module = "" }, []string{"spec.module"}},
		{"a name with a control", func(s *api.Spec) { s.Name = "a\x1b[31m" }, []string{"spec.name"}},
		{"a name that is not UTF-8", func(s *api.Spec) { s.Name = "\xff" }, []string{"spec.name"}},
		{"a name in any script", func(s *api.Spec) { s.Name = "\u00e9t\u00e9 \u0645" }, nil},
		{"a label without a key", func(s *api.Spec) { s.Labels = map[string]string{"": "v"} }, []string{`spec.labels[""]`}},
		{"a label's key and value", func(s *api.Spec) { s.Labels = map[string]string{"a b": ".."} }, []string{`spec.labels["a b"]`, `spec.labels["a b"]`}},
		{
			"several labels", func(s *api.Spec) { s.Labels = map[string]string{"a/../b": "", "good": "v", "bad": "\n"} },
			[]string{`spec.labels["a/../b"]`, `spec.labels["bad"]`},
		},
		{"an argument with a zero byte", func(s *api.Spec) { s.Args = []string{"good", "\x00"} }, []string{"spec.args[1]"}},
		{"arguments that are not UTF-8", func(s *api.Spec) { s.Args = []string{"\xff", "good", "\xc0"} }, []string{"spec.args[0]", "spec.args[2]"}},
		{"a variable without a name", func(s *api.Spec) { s.Env = map[string]string{"": "v"} }, []string{`spec.env[""]`}},
		{"a variable's name with =", func(s *api.Spec) { s.Env = map[string]string{"a=b": "v"} }, []string{`spec.env["a=b"]`}},
		{"a variable's value with =", func(s *api.Spec) { s.Env = map[string]string{"a": "b=c"} }, nil},
		{"a variable with zero bytes", func(s *api.Spec) { s.Env = map[string]string{"a\x00": "\x00"} }, []string{`spec.env["a\x00"]`, `spec.env["a\x00"]`}},
		{"a variable that is not UTF-8", func(s *api.Spec) { s.Env = map[string]string{"a": "\xff"} }, []string{`spec.env["a"]`}},
		{"any bytes of standard input", func(s *api.Spec) { s.Stdin = []byte("\x00\xff") }, nil},
		{"an export with any name", func(s *api.Spec) { s.Invoke = "run things/\u00e9\n" }, nil},
		{"an export with a zero byte", func(s *api.Spec) { s.Invoke = "run\x00" }, []string{"spec.invoke"}},
		{"an export that is not UTF-8", func(s *api.Spec) { s.Invoke = "\xff" }, []string{"spec.invoke"}},
		{"a call", func(s *api.Spec) { s.Call = &api.FunctionCall{Export: "a:b/c@1.0.0#f"} }, nil},
		{"a call of nothing", func(s *api.Spec) { s.Call = &api.FunctionCall{} }, []string{"spec.call.export"}},
		{"a call of what is no name", func(s *api.Spec) { s.Call = &api.FunctionCall{Export: "\xff"} }, []string{"spec.call.export"}},
		{"a call of an export of a core module", func(s *api.Spec) { s.Invoke, s.Call = "f", &api.FunctionCall{Export: "f"} }, []string{"spec.call"}},
		{"a call with large values", func(s *api.Spec) {
			s.Call = &api.FunctionCall{Export: "f", Args: []value.Literal{{Form: value.TextForm, Text: strings.Repeat("x", 1000)}}}
		}, []string{"spec.call.args"}},
		{"a timeout below zero", func(s *api.Spec) { s.Limits.Timeout = -time.Nanosecond }, []string{"spec.limits.timeout"}},
		{"too few descriptors for standard streams", func(s *api.Spec) { s.Limits.Descriptors = stdioDescriptors - 1 }, []string{"spec.limits.descriptors"}},
		{"descriptors for standard streams", func(s *api.Spec) { s.Limits.Descriptors = stdioDescriptors }, nil},
		{"an empty grant", grants(listeners(1)[0], nil), []string{"spec.grants[1]"}},
		{"a folder at a path that is not absolute", grants(folder("etc", "g")), []string{"spec.grants[0].directory.host_path"}},
		{"a folder without a name", grants(folder("/", "")), []string{"spec.grants[0].directory.guest_path"}},
		{"two folders with one name", grants(folder("/a", "g"), folder("/b", "g")), []string{"spec.grants[1].directory.guest_path"}},
		{"a secret that is a variable, too", func(s *api.Spec) {
			s.Env = map[string]string{"KEY": ""}
			s.Grants = []grant.Grant{grant.Secret{Name: "KEY", Ref: "env:KEY"}}
		}, []string{"spec.grants[0].secret.name"}},
		{"a connection to port 0", grants(grant.Connection{Address: "h:0"}), []string{"spec.grants[0].connection.address"}},
		{"a connection to no host", grants(grant.Connection{Address: ":80"}), []string{"spec.grants[0].connection.address"}},
		{"a listener without a port", grants(grant.Listener{Address: "h"}), []string{"spec.grants[0].listener.address"}},
		{"all at once", func(s *api.Spec) {
			*s = api.Spec{
				Name: "\n", Labels: numbered(4), Args: make([]string, 5), Env: map[string]string{"": ""}, Stdin: make([]byte, 8),
				Invoke: "\x00", Grants: []grant.Grant{nil}, Limits: api.Limits{Fuel: 1000, Descriptors: 1},
			}
		}, []string{
			"spec.args", `spec.env[""]`, "spec.grants[0]", "spec.invoke", "spec.labels", "spec.limits.descriptors",
			"spec.limits.fuel", "spec.module", "spec.name", "spec.stdin",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantPaths(t, "spec", pathsOf(t, testBounds, tc.change), tc.want...)
		})
	}
}
