package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// examples has a grant of each kind, with every field set, and how it is stored. Stores have these forms: they
// do not change.
var examples = []struct {
	grant  Grant
	stored string
}{
	{Directory{HostPath: "/srv", GuestPath: "/data", ReadOnly: true}, `{"directory":{"HostPath":"/srv","GuestPath":"/data","ReadOnly":true}}`},
	{Listener{Address: "[::1]:80", Name: "web", Protocol: UDP}, `{"listener":{"Address":"[::1]:80","Name":"web","Protocol":"udp"}}`},
	{
		Connection{Address: "a.example:1", Name: "db", TLS: &TLS{
			ServerName: "b.example", CA: "file:/ca", Certificate: "file:/cert", Key: "env:KEY", ALPN: []string{"h2"},
		}, Accept: true},
		`{"connection":{"Address":"a.example:1","Name":"db","TLS":{"ServerName":"b.example","CA":"file:/ca","Certificate":"file:/cert","Key":"env:KEY","ALPN":["h2"]},"Accept":true}}`,
	},
	{Dial{Pattern: "*.example.org:443", Protocol: UDP}, `{"dial":{"Pattern":"*.example.org:443","Protocol":"udp"}}`},
	{Resolve{Pattern: "*.example.org"}, `{"resolve":{"Pattern":"*.example.org"}}`},
	{HTTP{"https://a.example", []string{"GET"}, "/v1"}, `{"http":{"Origin":"https://a.example","Methods":["GET"],"PathPrefix":"/v1"}}`},
	{Secret{"KEY", "file:/run/key"}, `{"secret":{"Name":"KEY","Ref":"file:/run/key"}}`},
	{Link{"a:b/c@1.0.0", "sums"}, `{"link":{"Interface":"a:b/c@1.0.0","Workload":"sums"}}`},
}

// TestFormerForm: what older daemons have stored is written again as it was, so that the hash of a submission stays.
func TestFormerForm(t *testing.T) {
	for _, stored := range []string{`[{"listener":{"Address":"a:1"}}]`, `[{"connection":{"Address":"a:1"}}]`} {
		var l List
		if err := json.Unmarshal([]byte(stored), &l); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(l); err != nil || string(again) != stored {
			t.Errorf("%s is written %s, %v", stored, again, err)
		}
	}
}

func TestFlag(t *testing.T) {
	for _, tt := range []struct {
		grant Grant
		want  string
	}{
		{examples[0].grant, "dir /srv:/data:ro"},
		{examples[1].grant, "listen web=udp:[::1]:80"},
		{examples[2].grant, "connect db=a.example:1,tls,server-name=b.example,ca=file:/ca,cert=file:/cert,key=env:KEY,alpn=h2,accept"},
		{examples[3].grant, "dial udp:*.example.org:443"},
		{examples[4].grant, "resolve *.example.org"},
		{examples[5].grant, "http GET https://a.example/v1"},
		{examples[6].grant, "secret KEY=file:/run/key"},
		{examples[7].grant, "link a:b/c@1.0.0=workload:sums"},
		{Directory{HostPath: "/a", GuestPath: "."}, "dir /a:."},
		{Listener{Address: ":80"}, "listen :80"},
		{Connection{Address: "a:1", TLS: &TLS{}}, "connect a:1,tls"},
		{HTTP{Origin: "http://a"}, "http http://a"},
	} {
		if name, value := tt.grant.Flag(); name+" "+value != tt.want {
			t.Errorf("%v is --%s %s, want --%s", tt.grant, name, value, tt.want)
		}
	}
}

func TestEveryKindHasAnExample(t *testing.T) {
	var names []string
	for _, e := range examples {
		names = append(names, e.grant.Kind())
	}
	if diff := cmp.Diff(Kinds(), names); diff != "" {
		t.Errorf("kinds (-declared +with an example):\n%s", diff)
	}
}

func TestStoredForm(t *testing.T) {
	for _, e := range examples {
		got, err := json.Marshal(List{e.grant})
		if err != nil || string(got) != "["+e.stored+"]" {
			t.Errorf("%v is stored as %s, %v; want [%s]", e.grant, got, err, e.stored)
		}
		var back List
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%s: %v", got, err)
		} else if diff := cmp.Diff(List{e.grant}, back); diff != "" {
			t.Errorf("%s is read differently (-want +got):\n%s", got, diff)
		}
	}
}

func TestDamagedForm(t *testing.T) {
	for stored, want := range map[string]string{
		`[{"listener":{}},{}]`:                "grant 1 is of no known kind",
		`[{"directory":null}]`:                "grant 0 is of no known kind",
		`[{"teapot":{}}]`:                     "grant 0 is of no known kind",
		`[{"listener":{}},{"connection":[]}]`: "grant 1: ",
		`{}`:                                  "",
	} {
		var l List
		if err := json.Unmarshal([]byte(stored), &l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", stored, err, want)
		}
	}
}

func FuzzStoredForm(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte("[" + e.stored + "]"))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		var l, again List
		if json.Unmarshal(stored, &l) != nil {
			return
		}
		written, err := json.Marshal(l)
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if diff := cmp.Diff(fmt.Sprint(l), fmt.Sprint(again)); diff != "" {
			t.Errorf("%s is read differently:\n%s", written, diff)
		}
	})
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", maxGuestPathBytes+1)
	for _, tt := range []struct {
		name   string
		grants []Grant
		want   []string // paths of the faults, and a part of each
	}{
		{"none", nil, nil},
		{"good", []Grant{
			examples[0].grant, examples[1].grant, examples[3].grant, examples[4].grant, examples[5].grant, examples[6].grant,
			Connection{Address: "[2001:db8::1]:1", TLS: examples[2].grant.(Connection).TLS}, Connection{Address: "a:0", Accept: true},
		}, nil},
		{"good, without much", []Grant{
			Directory{HostPath: "/", GuestPath: "."}, Listener{Address: ":0"}, Listener{Address: "workload"}, Connection{Address: "a:1"},
			Connection{Address: "workload:x"}, Connection{Address: "workload:x/y"}, Dial{Pattern: "localhost:1"}, HTTP{Origin: "http://*.a"},
		}, nil},
		{"names", []Grant{Listener{Address: ":1", Name: "a b"}, Connection{Address: "a:1", Name: strings.Repeat("x", 65)}}, []string{
			`spec.grants[0].listener.name: "a b" is not a name`, `spec.grants[1].connection.name: "xxx`}},
		{"protocols", []Grant{Listener{Address: ":1", Protocol: "sctp"}, Listener{Address: "workload", Protocol: UDP}, Dial{Pattern: "a:1", Protocol: "7"}}, []string{
			`spec.grants[0].listener.protocol: "sctp" is neither TCP nor UDP`, "spec.grants[1].listener.protocol: workloads connect over streams only",
			`spec.grants[2].dial.protocol: "7"`}},
		{"odd hosts", []Grant{Connection{Address: "127.1:1"}, Connection{Address: "0x7f.0.0.1:1"}, Connection{Address: "017700000001:1"}, Connection{Address: "2130706433:1"},
			Connection{Address: "[fe80::1%eth0]:1"}, Connection{Address: "a b:1"}, Connection{Address: "a..b:1"}, Listener{Address: "127.1:1"}}, []string{
			`spec.grants[0].connection.address: "127.1" is not the name of a host: it looks like an address`, `spec.grants[1].connection.address: "0x7f.0.0.1" is`, `spec.grants[2].connection.address: "017700000001" is`,
			`spec.grants[3].connection.address: "2130706433" is`, `spec.grants[4].connection.address: "fe80::1%eth0" has a zone`,
			`spec.grants[5].connection.address: "a b" is`, `spec.grants[6].connection.address: "a..b" is`, `spec.grants[7].listener.address: "127.1" is`}},
		{"workloads", []Grant{Connection{Address: "workload:"}, Connection{Address: "workload:a b"}, Connection{Address: "workload:a/"},
			Connection{Address: "workload:a", TLS: &TLS{}, Accept: true}}, []string{
			`spec.grants[0].connection.address: "workload:" is not`, `spec.grants[1].connection.address: "workload:a b" is not`,
			`spec.grants[2].connection.address: "" is not the name`, "spec.grants[3].connection.tls: TLS is not spoken between", "spec.grants[3].connection.accept: the other",
			"spec.grants[3].connection.accept: TLS is spoken"}},
		{"TLS", []Grant{Connection{Address: "a:1", TLS: &TLS{ServerName: "a b", CA: "/ca", Certificate: "file:/c", ALPN: []string{""}}},
			Connection{Address: "a:1", TLS: &TLS{Key: "env:"}}, Connection{Address: "a:1", TLS: &TLS{ALPN: make([]string, 17)}}}, []string{
			`spec.grants[0].connection.tls.server_name: "a b"`, `spec.grants[0].connection.tls.ca: "/ca" is not file:/PATH or env:NAME`,
			"spec.grants[0].connection.tls.key: a certificate and its key", "spec.grants[0].connection.tls.alpn: a protocol has",
			`spec.grants[1].connection.tls.key: "env:" is not`, "spec.grants[1].connection.tls.certificate: a certificate and its key",
			"spec.grants[2].connection.tls.alpn: 17"}},
		{"patterns", []Grant{Dial{Pattern: "a"}, Dial{Pattern: "*:1"}, Dial{Pattern: "a:0"}, Dial{Pattern: "127.1:1"}, Dial{Pattern: "a\n:1"}, Resolve{}, Resolve{Pattern: "*.*"}}, []string{
			`spec.grants[0].dial.pattern: "a" is not HOST:PORT`, `spec.grants[1].dial.pattern: "*:1" has no host`, `spec.grants[2].dial.pattern: "a:0": there is no port 0`,
			`spec.grants[3].dial.pattern: "127.1:1": "127.1" is not`, "spec.grants[4].dial.pattern: has a control character", `spec.grants[5].resolve.pattern: "" is not`,
			`spec.grants[6].resolve.pattern: "*.*" is not`}},
		{"HTTP", []Grant{HTTP{Origin: "a"}, HTTP{Origin: "http://*"}, HTTP{Origin: "https://a:*"}, HTTP{Origin: "http://a", Methods: []string{"get"}},
			HTTP{Origin: "http://u@a"}, HTTP{Origin: "http://a", PathPrefix: "x"}, HTTP{Origin: "http://a", PathPrefix: "/a/%2e%2e/b"}, HTTP{Origin: "http://a", PathPrefix: "/a?b"}}, []string{
			`spec.grants[0].http.origin: "a" is not http://`, `spec.grants[1].http.origin: "http://*" is not`, `spec.grants[2].http.origin: "https://a:*" is not`,
			`spec.grants[3].http.methods: "get" is not`, `spec.grants[4].http.origin: "http://u@a" has more`, `spec.grants[5].http.path_prefix: "x" is not`,
			`spec.grants[6].http.path_prefix: "/a/%2e`, `spec.grants[7].http.path_prefix: "/a?b"`}},
		{"secrets", []Grant{Secret{}, Secret{Name: "A=", Ref: "file:x"}, Secret{Name: "B", Ref: "env:C"}, Secret{Name: "B", Ref: "env:\x00"}}, []string{
			"spec.grants[0].secret.name: the name", "spec.grants[0].secret.ref: file:/PATH or env:NAME is required", "spec.grants[1].secret.name: the name",
			`spec.grants[1].secret.ref: "file:x" is not`, "spec.grants[3].secret.ref: has a control character", "spec.grants[3].secret.ref: contains a zero byte",
			`spec.grants[3].secret.name: "B" is taken by another grant: secret "B" from "env:C"`}},
		{"too many", make([]Grant, 9), []string{"spec.grants: 9"}},
		{"nil", []Grant{nil}, []string{"spec.grants[0]: one of directory, listener, connection, dial, resolve, http, secret and link is required"}},
		{"relative", []Grant{Directory{HostPath: "srv", GuestPath: "/"}}, []string{`spec.grants[0].directory.host_path: "srv"`}},
		{"zero in a path", []Grant{Directory{HostPath: "/a\x00", GuestPath: "/b\x00"}}, []string{
			`spec.grants[0].directory.host_path: "/a\x00"`, "spec.grants[0].directory.guest_path: contains a zero byte"}},
		{"no guest path", []Grant{Directory{HostPath: "/"}}, []string{"spec.grants[0].directory.guest_path: a name"}},
		{"long guest path", []Grant{Directory{HostPath: "/", GuestPath: long}}, []string{"spec.grants[0].directory.guest_path: 4097 bytes"}},
		{"guest path that climbs", []Grant{Directory{HostPath: "/", GuestPath: "../a"}}, []string{"spec.grants[0].directory.guest_path: \"../a\""}},
		{"guest path that is not plain", []Grant{Directory{HostPath: "/", GuestPath: "/a/"}}, []string{"spec.grants[0].directory.guest_path: \"/a/\""}},
		{"guest path twice", []Grant{examples[0].grant, examples[1].grant, examples[0].grant}, []string{
			`spec.grants[2].directory.guest_path: "/data" is taken by another grant: `}},
		{"no port", []Grant{Listener{Address: "80"}, Connection{Address: "host"}}, []string{
			`spec.grants[0].listener.address: "80" is not HOST:PORT`, `spec.grants[1].connection.address: "host" is not HOST:PORT`}},
		{"port", []Grant{Listener{Address: "a:65536"}, Listener{Address: "a:http"}, Connection{Address: "a:0"}}, []string{
			"spec.grants[0].listener.address: \"65536\" is not a port: 0", "spec.grants[1].listener.address: \"http\"",
			"spec.grants[2].connection.address: \"0\" is not a port: 1"}},
		{"no host", []Grant{Connection{Address: ":80"}}, []string{"spec.grants[0].connection.address: \":80\" has no host"}},
		{"address of many", []Grant{Connection{Address: "224.0.0.1:80"}, Connection{Address: "[ff02::1]:80"}, Connection{Address: "255.255.255.255:80"}}, []string{
			`spec.grants[0].connection.address: 224.0.0.1 is the address of many`, `spec.grants[1].connection.address: ff02::1 is the address of many`,
			`spec.grants[2].connection.address: 255.255.255.255 is the address of many`}},
		{"link", []Grant{Link{Workload: "a"}, Link{"a:b/c", "a b"}, Link{"a:b/c", "a"}}, []string{
			"spec.grants[0].link.interface: the interface that is imported is required", `spec.grants[1].link.workload: "a b" is not the id`,
			`spec.grants[2].link.interface: "a:b/c" is taken by another grant: link of "a:b/c" to workload "a b"`}},
		{"control", []Grant{Connection{Address: "a\u202e:80"}}, []string{"spec.grants[0].connection.address: has a control character at byte 1"}},
	} {
		var f errs.Faults
		Check(&f, tt.grants, 8)
		if len(f) != len(tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, f, tt.want)
			continue
		}
		for i, fault := range f {
			if got := fault.Path + ": " + fault.Description; !strings.HasPrefix(got, tt.want[i]) {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want[i])
			}
		}
	}
}

func TestAuthorize(t *testing.T) {
	one, err := policy.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	name, err := policy.ParseName("a.example")
	if err != nil {
		t.Fatal(err)
	}
	origin, err := policy.ParseOrigin("https://*.example")
	if err != nil {
		t.Fatal(err)
	}
	daemons, err := policy.ParseAddress("127.0.0.1:90-91")
	if err != nil {
		t.Fatal(err)
	}
	errOwn := errors.New("the daemon's own")
	refuseOwn := func(to netip.AddrPort) error {
		if to.Port() == 90 {
			return errOwn
		}
		return nil
	}
	allow := policy.Policy{
		Listen: []policy.Address{one}, Connect: []policy.Address{one, daemons}, Resolve: []policy.Name{name}, HTTP: []policy.Origin{origin},
	}
	for _, tt := range []struct {
		grant  Grant
		lookUp error
		class  errs.Class // of the refusal; 0: it is allowed
		text   string     // of the refusal, and the field
		field  string
	}{
		{Directory{HostPath: "/srv"}, nil, 0, "", ""},
		{Directory{HostPath: "/srv"}, policy.ErrDir, errs.GrantDenied, `folder "/srv": ` + policy.ErrDir.Error(), "directory.host_path"},
		{Directory{HostPath: "/srv"}, os.ErrNotExist, errs.GrantDenied, `folder "/srv": file does not exist`, "directory.host_path"},
		{Directory{HostPath: "/srv"}, &lookup.HangError{Patience: time.Second}, errs.Unavailable, `folder "/srv" can't be looked at for now: its file system has not answered for 1s`, ""},
		{Directory{HostPath: "/srv"}, syscall.EMFILE, errs.Unavailable, `folder "/srv" can't be looked at for now: too many open files`, ""},
		{Listener{Address: "127.0.0.1:80"}, nil, 0, "", ""},
		{Listener{Address: ":80"}, nil, errs.GrantDenied, `listener on ":80": ` + policy.ErrListen.Error(), "listener.address"},
		{Connection{Address: "127.0.0.1:80"}, nil, 0, "", ""},
		{Connection{Address: "127.0.0.1:80", Accept: true}, nil, 0, "", ""},
		{Connection{Address: "127.0.0.1:81", Accept: true}, nil, errs.GrantDenied, `connection accepted at "127.0.0.1:81": ` + policy.ErrListen.Error(), "connection.address"},
		{Connection{Address: "127.0.0.1:80", TLS: &TLS{}}, policy.ErrSecret, 0, "", ""},
		{Connection{Address: "127.0.0.1:80", TLS: &TLS{CA: "file:/a"}}, policy.ErrSecret, errs.GrantDenied, `connection to "127.0.0.1:80": "file:/a": ` + policy.ErrSecret.Error(), "connection.tls.ca"},
		{Connection{Address: "127.0.0.1:80", TLS: &TLS{Key: "file:/a"}}, os.ErrNotExist, errs.GrantDenied, `connection to "127.0.0.1:80": "file:/a": file does not exist`, "connection.tls.key"},
		{Connection{Address: "workload:a"}, nil, 0, "", ""},
		{Listener{Address: "workload"}, nil, 0, "", ""},
		{Dial{Pattern: "127.0.0.1:80"}, nil, 0, "", ""},
		{Dial{Pattern: "127.0.0.0/8:80"}, nil, errs.GrantDenied, `dialling "127.0.0.0/8:80": ` + policy.ErrConnect.Error(), "dial.pattern"},
		{Dial{Pattern: "127.0.0.1:*", Protocol: UDP}, nil, errs.GrantDenied, `dialling "udp:127.0.0.1:*": ` + policy.ErrConnect.Error(), "dial.pattern"},
		{Dial{Pattern: "127.0.0.1:90"}, nil, errs.GrantDenied, `dialling "127.0.0.1:90": the daemon's own`, "dial.pattern"},
		{Dial{Pattern: "[::ffff:127.0.0.1]:90", Protocol: UDP}, nil, errs.GrantDenied, `dialling "udp:[::ffff:127.0.0.1]:90": the daemon's own`, "dial.pattern"},
		{Dial{Pattern: "127.0.0.1:91"}, nil, 0, "", ""},
		{Dial{Pattern: "127.0.0.1:90-91"}, nil, 0, "", ""}, // it is refused what is the daemon's when it dials
		{Dial{Pattern: "localhost:90"}, nil, 0, "", ""},
		{Connection{Address: "127.0.0.1:90"}, nil, errs.GrantDenied, `connection to "127.0.0.1:90": the daemon's own`, "connection.address"},
		{Dial{Pattern: "a.example:80"}, nil, 0, "", ""}, // it may lead to 127.0.0.1, which only counts if that is granted, too
		{Resolve{Pattern: "a.example"}, nil, 0, "", ""},
		{Resolve{Pattern: "*"}, nil, errs.GrantDenied, `looking up "*": ` + policy.ErrResolve.Error(), "resolve.pattern"},
		{HTTP{Origin: "https://a.example"}, nil, 0, "", ""},
		{HTTP{Origin: "http://a.example"}, nil, errs.GrantDenied, `HTTP requests to "http://a.example": ` + policy.ErrHTTP.Error(), "http.origin"},
		{Secret{Name: "A", Ref: "env:A"}, nil, 0, "", ""},
		{Secret{Name: "A", Ref: "env:A"}, policy.ErrSecret, errs.GrantDenied, `secret "A" from "env:A": ` + policy.ErrSecret.Error(), "secret.ref"},
		{Secret{Name: "A", Ref: "file:/a"}, syscall.EMFILE, errs.Unavailable, `secret "A" from "file:/a" can't be looked at for now: too many open files`, ""},
		{Connection{Address: "127.0.0.1:81"}, nil, errs.GrantDenied, `connection to "127.0.0.1:81": ` + policy.ErrConnect.Error(), "connection.address"},
	} {
		rules := Rules{Allow: allow, RefuseOwn: refuseOwn, LookUp: func(context.Context, string) error { return tt.lookUp }}
		rules.LookUpSecret = rules.LookUp
		err := Authorize(t.Context(), rules, []Grant{Listener{Address: "127.0.0.1:80"}, tt.grant})
		if tt.class == 0 {
			if err != nil {
				t.Errorf("%v: %v", tt.grant, err)
			}
			continue
		}
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Class != tt.class || e.Message != tt.text || (e.Retry > 0) != (tt.class == errs.Unavailable) {
			t.Errorf("%v: %v, want %q", tt.grant, err, tt.text)
		} else if tt.field != "" && e.Fields[0].Path != "spec.grants[1]."+tt.field {
			t.Errorf("%v: field %q, want %q", tt.grant, e.Fields[0].Path, tt.field)
		}
	}
}

// All grants that are denied are told at once, unless it is not known of one yet.
func TestAuthorizeTellsAll(t *testing.T) {
	rules := Rules{LookUpSecret: func(context.Context, string) error { return syscall.EMFILE }}
	grants := []Grant{Resolve{Pattern: "a.example"}, Listener{Address: "127.0.0.1:80"}}
	err := Authorize(t.Context(), rules, grants)
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Class != errs.GrantDenied || len(e.Fields) != 2 || !errors.Is(err, policy.ErrResolve) || !errors.Is(err, policy.ErrListen) {
		t.Fatalf("%v", err)
	}
	want := `spec.grants[0].resolve.pattern: looking up "a.example": ` + policy.ErrResolve.Error() +
		`; spec.grants[1].listener.address: listener on "127.0.0.1:80": ` + policy.ErrListen.Error()
	if e.Message != want {
		t.Errorf("%s, want %s", e.Message, want)
	}
	err = Authorize(t.Context(), rules, append(grants, Secret{Name: "A", Ref: "file:/a"}))
	if e, ok := errors.AsType[*errs.Error](err); !ok || e.Class != errs.Unavailable {
		t.Errorf("%v", err)
	}
}

// A client that goes while a folder is looked up is not told that it is refused.
func TestAuthorizeOfAClientThatIsGone(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	rules := Rules{LookUp: func(ctx context.Context, _ string) error { return ctx.Err() }}
	if err := Authorize(gone, rules, []Grant{Directory{HostPath: "/srv"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// asked is what a grant asked an opener for.
type asked struct {
	folder  *capability.Folder
	listen  *capability.Listener
	connect *capability.Connection
	link    *capability.Link
	env     string
}

func (a *asked) Link(l capability.Link) error          { a.link = &l; return nil }
func (a *asked) OpenFolder(f capability.Folder) error  { a.folder = &f; return nil }
func (a *asked) Listen(l capability.Listener) error    { a.listen = &l; return nil }
func (a *asked) Connect(c capability.Connection) error { a.connect = &c; return nil }
func (a *asked) SetEnv(n string, r capability.Reference) error {
	a.env = n + "=" + string(r)
	return nil
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		grant Grant
		want  asked
	}{
		{Directory{"/srv", "/data", true}, asked{folder: &capability.Folder{HostPath: "/srv", GuestPath: "/data", ReadOnly: true}}},
		{Listener{Address: "a:1"}, asked{listen: &capability.Listener{Name: "listener", Address: "a:1"}}},
		{examples[1].grant, asked{listen: &capability.Listener{Name: "web", Address: "[::1]:80", Protocol: network.OverUDP}}},
		{Connection{Address: "a:1"}, asked{connect: &capability.Connection{Name: "connection", Address: "a:1"}}},
		{Connection{Address: "[::1]:1", TLS: &TLS{}}, asked{connect: &capability.Connection{
			Name: "connection", Address: "[::1]:1", TLS: &capability.TLS{ServerName: "::1"},
		}}},
		{examples[2].grant, asked{connect: &capability.Connection{
			Name: "db", Address: "a.example:1", Accept: true, TLS: &capability.TLS{
				ServerName: "b.example", CA: "file:/ca", Certificate: "file:/cert", Key: "env:KEY", ALPN: []string{"h2"},
			},
		}}},
		{examples[3].grant, asked{}},
		{examples[4].grant, asked{}},
		{examples[5].grant, asked{}},
		{examples[6].grant, asked{env: "KEY=file:/run/key"}},
		{examples[7].grant, asked{link: &capability.Link{Interface: "a:b/c@1.0.0", Workload: "sums"}}},
	} {
		var got asked
		if err := tt.grant.Open(&got); err != nil {
			t.Errorf("%v: %v", tt.grant, err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(asked{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.grant, diff)
		}
	}
}

func TestTrouble(t *testing.T) {
	for _, tt := range []struct {
		grant Grant
		err   error
		want  retry.Trouble
	}{
		{Directory{}, &os.PathError{Err: syscall.EMFILE}, retry.Descriptors},
		{Directory{}, &os.PathError{Err: syscall.ESTALE}, retry.Disk},
		{Directory{}, &os.PathError{Err: syscall.ENOTCONN}, retry.Disk},
		{Directory{}, os.ErrNotExist, retry.None},
		{Listener{}, syscall.EMFILE, retry.Descriptors},
		{Listener{}, syscall.EADDRINUSE, retry.None},
		{Connection{}, syscall.ECONNREFUSED, retry.None},
		{Connection{}, syscall.ETIMEDOUT, retry.None},
		{Connection{}, syscall.ENETDOWN, retry.Network},
		{Secret{}, syscall.EIO, retry.Disk},
		{Secret{}, os.ErrNotExist, retry.None},
	} {
		if got := Trouble(&capability.Error{Grant: tt.grant, Err: tt.err}); got != tt.want {
			t.Errorf("%v, %v: %v, want %v", tt.grant, tt.err, got, tt.want)
		}
	}
}
