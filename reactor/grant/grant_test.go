package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls/capability"
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
	{Listener{Address: "[::1]:80"}, `{"listener":{"Address":"[::1]:80"}}`},
	{Connection{Address: "a.example:1"}, `{"connection":{"Address":"a.example:1"}}`},
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
		{"good", []Grant{examples[0].grant, examples[1].grant, examples[2].grant, Directory{HostPath: "/", GuestPath: "."}, Listener{":0"}}, nil},
		{"too many", make([]Grant, 9), []string{"spec.grants: 9"}},
		{"nil", []Grant{nil}, []string{"spec.grants[0]: one of directory, listener and connection is required"}},
		{"relative", []Grant{Directory{HostPath: "srv", GuestPath: "/"}}, []string{`spec.grants[0].directory.host_path: "srv"`}},
		{"zero in a path", []Grant{Directory{HostPath: "/a\x00", GuestPath: "/b\x00"}}, []string{
			`spec.grants[0].directory.host_path: "/a\x00"`, "spec.grants[0].directory.guest_path: contains a zero byte"}},
		{"no guest path", []Grant{Directory{HostPath: "/"}}, []string{"spec.grants[0].directory.guest_path: a name"}},
		{"long guest path", []Grant{Directory{HostPath: "/", GuestPath: long}}, []string{"spec.grants[0].directory.guest_path: 4097 bytes"}},
		{"guest path that climbs", []Grant{Directory{HostPath: "/", GuestPath: "../a"}}, []string{"spec.grants[0].directory.guest_path: \"../a\""}},
		{"guest path that is not plain", []Grant{Directory{HostPath: "/", GuestPath: "/a/"}}, []string{"spec.grants[0].directory.guest_path: \"/a/\""}},
		{"guest path twice", []Grant{examples[0].grant, examples[1].grant, examples[0].grant}, []string{
			`spec.grants[2].directory.guest_path: "/data" is taken by grant 0`}},
		{"no port", []Grant{Listener{"80"}, Connection{"host"}}, []string{
			`spec.grants[0].listener.address: "80" is not HOST:PORT`, `spec.grants[1].connection.address: "host" is not HOST:PORT`}},
		{"port", []Grant{Listener{"a:65536"}, Listener{"a:http"}, Connection{"a:0"}}, []string{
			"spec.grants[0].listener.address: \"65536\" is not a port: 0", "spec.grants[1].listener.address: \"http\"",
			"spec.grants[2].connection.address: \"0\" is not a port: 1"}},
		{"no host", []Grant{Connection{":80"}}, []string{"spec.grants[0].connection.address: \":80\" has no host"}},
		{"control", []Grant{Connection{"a\u202e:80"}}, []string{"spec.grants[0].connection.address: has a control character at byte 1"}},
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
	allow := policy.Policy{Listen: []policy.Address{one}, Connect: []policy.Address{one}}
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
		{Listener{"127.0.0.1:80"}, nil, 0, "", ""},
		{Listener{":80"}, nil, errs.GrantDenied, `listener on ":80": ` + policy.ErrListen.Error(), "listener.address"},
		{Connection{"127.0.0.1:80"}, nil, 0, "", ""},
		{Connection{"127.0.0.1:81"}, nil, errs.GrantDenied, `connection to "127.0.0.1:81": ` + policy.ErrConnect.Error(), "connection.address"},
	} {
		rules := Rules{Allow: allow, LookUp: func(context.Context, string) error { return tt.lookUp }}
		err := Authorize(t.Context(), rules, []Grant{Listener{"127.0.0.1:80"}, tt.grant})
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
	folder          *capability.Folder
	listen, connect string
}

func (a *asked) OpenFolder(f capability.Folder) error { a.folder = &f; return nil }
func (a *asked) Listen(address string) error          { a.listen = address; return nil }
func (a *asked) Connect(address string) error         { a.connect = address; return nil }

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		grant Grant
		want  asked
	}{
		{Directory{"/srv", "/data", true}, asked{folder: &capability.Folder{HostPath: "/srv", GuestPath: "/data", ReadOnly: true}}},
		{Listener{"a:1"}, asked{listen: "a:1"}},
		{Connection{"a:1"}, asked{connect: "a:1"}},
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
	} {
		if got := Trouble(&capability.Error{Grant: tt.grant, Err: tt.err}); got != tt.want {
			t.Errorf("%v, %v: %v, want %v", tt.grant, tt.err, got, tt.want)
		}
	}
}
