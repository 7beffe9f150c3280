package record

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/store"
)

func TestRecord(t *testing.T) {
	spec := api.Spec{
		Module: "hello", Name: "a name", Labels: map[string]string{"app": "web", "tier": ""},
		Args: []string{"one", "", "zwei ü"}, Env: map[string]string{"K": "v=w", "EMPTY": ""},
		Stdin: []byte{0, 1, 2}, Interactive: true, Invoke: "i", OutputMode: api.DeliverOutput,
		StdoutTo: "a", StdinFrom: "b", GrantMode: api.ReportGrants,
		Call: &api.FunctionCall{Export: "f", Args: []value.Literal{
			{Form: value.ListForm, Items: []value.Literal{{Form: value.UintForm, Bits: math.MaxUint64}, {Form: value.BytesForm, Bytes: []byte{0, 1}}}},
			{Form: value.RecordForm, Names: []string{"x"}, Items: []value.Literal{{Form: value.TextForm, Text: "ü"}}},
		}},
		Serve: &api.HTTPService{
			MaxInstances: 1, MaxConcurrentRequests: 2, MaxInstanceRequests: 3, MaxWaitingRequests: 4, IdleTimeout: 5, RequestTimeout: 6,
			AccessLog: true, Certificate: "file:/c", Key: "file:/k", Offer: true,
		},
		Grants: []grant.Grant{
			grant.Directory{HostPath: "/host", GuestPath: "/data", ReadOnly: true},
			grant.Listener{Address: "127.0.0.1:0"},
			grant.Connection{Address: "a:1", Name: "n", TLS: &grant.TLS{CA: "file:/ca", ALPN: []string{"h2"}}, Accept: true},
			grant.Dial{Pattern: "a:1", Protocol: grant.UDP},
			grant.Resolve{Pattern: "a"},
			grant.HTTP{Origin: "https://a", Methods: []string{"GET"}, PathPrefix: "/b"},
			grant.Secret{Name: "K2", Ref: "env:K"},
		},
		Limits: api.Limits{
			MemoryBytes: 1 << 20, Fuel: 1 << 40, Timeout: time.Minute, StackBytes: 1 << 17, LogBytes: 99, Descriptors: 9, PendingOps: 8,
			Connections: 7, SentBytes: 6, ReceivedBytes: 5, BytesPerSecond: 4,
		},
	}
	code := uint32(3)
	status := Status{
		Reason: api.ReasonExit, ExitCode: &code, Message: "m", FirstStart: time.Unix(1, 2).UTC(), StartTime: time.Unix(3, 4).UTC(),
		EndTime: time.Unix(5, 6).UTC(), Usage: Usage{1, 2, 3, 4, 5, 6, 7, []Wait{{8, 9, 10}}, 11, 12}, Results: []string{"r"}, Result: &value.Literal{Form: value.BoolForm, Bits: 1}, ListenAddresses: []string{"l"},
		Crash:       &Crash{Trap: "t", Cause: "c", Frames: []Frame{{Function: "f", Symbol: "s", FunctionIndex: 1, CodeOffset: 2}}, FramesOmitted: 3},
		Service:     &Service{1, 2, 3, 4},
		Revoked:     []Revocation{{Grant: 2, Time: time.Unix(9, 10).UTC()}},
		Refused:     []Refused{{Kind: 7, Target: "a:1", Protocol: grant.UDP, FirstTime: time.Unix(11, 12).UTC(), Count: 13}},
		RefusedMore: true,
	}
	// Every field is set, so none can be left out below without notice.
	for _, v := range []reflect.Value{reflect.ValueOf(spec), reflect.ValueOf(spec.Limits), reflect.ValueOf(*spec.Serve), reflect.ValueOf(status), reflect.ValueOf(status.Usage), reflect.ValueOf(*status.Crash), reflect.ValueOf(status.Crash.Frames[0])} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("field %s of %s is not set", v.Type().Field(i).Name, v.Type())
			}
		}
	}
	module := store.DigestOf([]byte("m"))
	rec := &store.Workload{
		ID: "w", Name: spec.Name, Labels: spec.Labels, Module: module, Spec: EncodeSpec(&spec).Spec(spec.Limits), Status: EncodeStatus(&status),
		State: store.Failed, Attempts: 7, Created: time.Unix(7, 8),
	}
	w, err := Decode(rec)
	if err != nil {
		t.Fatal(err)
	}
	spec.Module = module.String()
	usage := api.Usage{
		Fuel: 1, CPUTime: 2, WaitingTime: 3, PeakMemoryBytes: 4, LogBytes: 5, LogBytesDropped: 6, ReadyTime: 7,
		Waits: []api.WaitUsage{{Kind: 8, Time: 9, Count: 10}}, SentBytes: 11, ReceivedBytes: 12,
	}
	if diff := cmp.Diff(status.Usage, OfUsage(usage)); diff != "" {
		t.Errorf("the stored form of a usage (-want +got):\n%s", diff)
	}
	want := &api.Workload{ID: "w", Spec: spec, Status: api.Status{
		State: api.Failed, Reason: api.ReasonExit, ExitCode: &code, Message: "m", Attempts: 7, CreateTime: rec.Created,
		StartTime: status.StartTime, EndTime: status.EndTime, Usage: usage, Results: status.Results, Result: status.Result,
		ListenAddresses: status.ListenAddresses, Revoked: []api.Revocation{api.Revocation(status.Revoked[0])},
		Service: &api.ServiceStatus{Requests: 1, Refused: 2, Failed: 3, Started: 4},
		Crash: &api.Crash{
			Trap: "t", Cause: "c", FramesOmitted: 3,
			Frames: []api.StackFrame{{Function: "f", Symbol: "s", FunctionIndex: 1, CodeOffset: 2}},
		},
	}}
	if diff := cmp.Diff(status.Revoked, RevokedOf(rec.Status)); diff != "" {
		t.Errorf("the revocations alone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(status.Service, OfService(want.Status.Service)); diff != "" {
		t.Errorf("the stored form of what was served (-want +got):\n%s", diff)
	}
	list, more := status.RefusedList()
	again := Status{}
	again.SetRefused(list, more)
	if diff := cmp.Diff(status.Refused, again.Refused); diff != "" || !again.RefusedMore {
		t.Errorf("what was refused (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w); diff != "" {
		t.Errorf("a record does not come back as it was (-want +got):\n%s", diff)
	}
	if got := Trace(rec); got != (hooks.Trace{}) {
		t.Errorf("the trace of a record without one is %q", got)
	}
	encoding := EncodeSpec(&spec)
	hash := encoding.Hash()
	encoding.Trace = hooks.Trace{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", State: "a=<1>,b=2"}
	if encoding.Hash() != hash {
		t.Error("a trace makes it another spec")
	}
	rec.Spec = encoding.Spec(spec.Limits)
	if got := Trace(rec); got != encoding.Trace {
		t.Errorf("the trace is %q", got)
	}
	if traced, err := Decode(rec); err != nil || !cmp.Equal(want, traced) {
		t.Errorf("with a trace a record does not come back as it was: %v", err)
	}
	rec.Spec = []byte(`{"stdin":"aGk=","limits":{}}`) // as older daemons wrote it
	if got := Trace(rec); got != (hooks.Trace{}) {
		t.Errorf("the trace of an older record is %q", got)
	}
	if old, err := DecodeSpec(rec); err != nil || string(old.Stdin) != "hi" {
		t.Errorf("the standard input of an older record is %q: %v", old.Stdin, err)
	}
	for _, bad := range []string{"", "{", `{"grants":[{}]}`, `[]`} {
		if _, err := Decode(&store.Workload{Spec: []byte(bad)}); err == nil {
			t.Errorf("spec %q is read", bad)
		}
	}
	if _, err := Decode(&store.Workload{Spec: []byte("{}"), Status: []byte("[")}); err == nil {
		t.Error("a damaged status is read")
	}
}

// TestHashSpec tells specs apart that differ, and none that clients can't.
func TestHashSpec(t *testing.T) {
	same := []api.Spec{
		{Module: "m"},
		{Module: "m", Labels: map[string]string{}, Args: []string{}, Env: map[string]string{}, Stdin: []byte{}, Grants: []grant.Grant{}},
	}
	if EncodeSpec(&same[0]).Hash() != EncodeSpec(&same[1]).Hash() {
		t.Error("what is absent and what is empty differ")
	}
	// Each of these differs from the others in one field.
	specs := []api.Spec{
		{Module: "m"}, {Module: "n"}, {Module: "m", Name: "n"}, {Module: "m", Labels: map[string]string{"a": "b"}},
		{Module: "m", Labels: map[string]string{"a": ""}}, {Module: "m", Args: []string{""}}, {Module: "m", Args: []string{"", ""}},
		{Module: "m", Env: map[string]string{"a": "b"}}, {Module: "m", Stdin: []byte{0}}, {Module: "m", Interactive: true},
		{Module: "m", Invoke: "i"}, {Module: "m", Grants: []grant.Grant{grant.Listener{Address: "a:1"}}}, {Module: "m", Grants: []grant.Grant{grant.Connection{Address: "a:1"}}},
		{Module: "m", Grants: []grant.Grant{grant.Directory{HostPath: "/a", GuestPath: "/b", ReadOnly: false}}}, {Module: "m", Grants: []grant.Grant{grant.Directory{HostPath: "/a", GuestPath: "/b", ReadOnly: true}}},
		{Module: "m", Limits: api.Limits{MemoryBytes: 1}}, {Module: "m", Limits: api.Limits{Fuel: 1}}, {Module: "m", Limits: api.Limits{Timeout: 1}},
		{Module: "m", Limits: api.Limits{StackBytes: 1}}, {Module: "m", Limits: api.Limits{LogBytes: 1}}, {Module: "m", Limits: api.Limits{Descriptors: 1}},
		{Module: "m", Limits: api.Limits{PendingOps: 1}}, {Module: "m", OutputMode: api.DeliverOutput},
		{Module: "m", Limits: api.Limits{Connections: 1}}, {Module: "m", Limits: api.Limits{SentBytes: 1}},
		{Module: "m", Limits: api.Limits{ReceivedBytes: 1}}, {Module: "m", Limits: api.Limits{BytesPerSecond: 1}},
		{Module: "m", StdoutTo: "a"}, {Module: "m", StdinFrom: "a"}, {Module: "m", GrantMode: api.ReportGrants},
	}
	seen := map[store.Digest]int{}
	for i := range specs {
		h := EncodeSpec(&specs[i]).Hash()
		if j, ok := seen[h]; ok {
			t.Errorf("specs %d and %d have the same hash", i, j)
		}
		seen[h] = i
	}
}

// TestEncodingInParts: a spec that is encoded in two parts is as if it was encoded whole, and its hash is the one that
// earlier versions have stored.
func TestEncodingInParts(t *testing.T) {
	for _, tc := range []struct {
		spec api.Spec
		hash string
	}{
		{api.Spec{Module: "m"}, "sha256:de8a98bcaeb96f9492a9709b23084d05c82ed980bc82dc7740f3da0920c97a93"},
		{api.Spec{
			Module: "m", Name: "n", Labels: map[string]string{"a": "b", "A": ""}, Args: []string{"<>", "\x00"}, Stdin: []byte{0, 1},
			Env: map[string]string{"K": "v"}, Grants: []grant.Grant{grant.Connection{Address: "a:1"}}, Limits: api.Limits{Fuel: 1},
		}, "sha256:37065f55c2d5f6a1523e0382c60c7003e83fd20cab237f613294d5513a09a3b0"},
	} {
		limits := api.Limits{MemoryBytes: 1 << 20, PendingOps: 3}
		e := EncodeSpec(&tc.spec)
		if got := e.Hash().String(); got != tc.hash {
			t.Errorf("the hash of %+v is %s, want %s", tc.spec, got, tc.hash)
		}
		whole := mustEncode(specJSON{workJSON{
			Args: tc.spec.Args, Env: tc.spec.Env, Grants: tc.spec.Grants,
		}, limitsJSON(limits)})
		if len(tc.spec.Stdin) > 0 {
			whole = append(append(whole, 0), tc.spec.Stdin...)
		}
		if diff := cmp.Diff(string(whole), string(e.Spec(limits))); diff != "" {
			t.Error(diff)
		}
	}
}

// BenchmarkEncodeSpec encodes a spec as a submission does.
func BenchmarkEncodeSpec(b *testing.B) {
	spec := api.Spec{
		Module: "m", Labels: map[string]string{"app": "bench", "tier": "back"},
		Args: []string{"serve", "--listen", "inherit", "--workers", "4", "--cache", "64MiB"},
		Env:  map[string]string{"HOME": "/home/guest", "LANG": "C.UTF-8", "TZ": "UTC", "LOG": "debug"},
	}
	limits := api.Limits{MemoryBytes: 1 << 20, Timeout: time.Hour, StackBytes: 1 << 20, LogBytes: 1 << 20}
	b.ReportAllocs()
	for b.Loop() {
		e := EncodeSpec(&spec)
		e.Hash()
		e.Spec(limits)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"args":["a"],"grants":[{"listener":{"Address":"a:1"}}],"limits":{"fuel":1}}`), []byte(`{"reason":1,"exit":0}`))
	f.Fuzz(func(t *testing.T, spec, status []byte) {
		w, err := Decode(&store.Workload{Spec: spec, Status: status})
		if err != nil {
			return
		}
		again, err := DecodeSpec(&store.Workload{Spec: EncodeSpec(&w.Spec).Spec(w.Spec.Limits)})
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		if EncodeSpec(&again).Hash() != EncodeSpec(&w.Spec).Hash() {
			t.Errorf("%+v is not %+v", again, w.Spec)
		}
	})
}

// TestHashStays: a submission that is repeated to a newer daemon, whose store has it from an older one, is the same.
func TestHashStays(t *testing.T) {
	spec := api.Spec{
		Module: "m", Name: "n", Labels: map[string]string{"a": "b"}, Args: []string{"x"}, Env: map[string]string{"K": "v"}, Interactive: true, Invoke: "i",
		Grants: []grant.Grant{
			grant.Directory{HostPath: "/h", GuestPath: "/g", ReadOnly: true}, grant.Listener{Address: "a:1"}, grant.Connection{Address: "b:2"},
		},
		Limits: api.Limits{MemoryBytes: 1, Fuel: 2, Timeout: 3 * time.Second, StackBytes: 4, LogBytes: 5, Descriptors: 6, PendingOps: 7},
	}
	digest := func(text string) store.Digest {
		t.Helper()
		d, err := store.ParseDigest(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	former := digest("sha256:5f3040455f7b6ccb167df354c2df61e8529f30d2d10c91b5c45169cefb715788")
	if got := EncodeSpec(&spec).Hash(); got != former {
		t.Errorf("the hash is %v, and was %v", got, former)
	}
	rec := &store.Workload{SpecHash: digest("sha256:fd1a2a8a79dca84b3d1f786c2680268b04e3b1789c7dbc4bab9d0ac0e24df177")}
	spec.Stdin = []byte("in\x00")
	if !IsOf(rec, &spec, EncodeSpec(&spec).Hash()) {
		t.Error("with standard input it is another than it was")
	}
	spec.Stdin = []byte("in")
	if IsOf(rec, &spec, EncodeSpec(&spec).Hash()) {
		t.Error("it is the same with other standard input")
	}
}
