package server

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// A spec comes back from the reactor as it went in, whatever fields it has.
func TestSpecRoundTrip(t *testing.T) {
	for i := range kindsOfGrants().Len() {
		spec := &reactorv1.WorkloadSpec{}
		fillMessage(spec.ProtoReflect())
		spec.Grants = []*reactorv1.Grant{sampleGrant(kindsOfGrants().Get(i))}

		var bad fields
		domain := toSpec(spec, &bad)
		if err := bad.err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spec, fromSpec(&domain), protocmp.Transform()); diff != "" {
			t.Errorf("spec (-in +out):\n%s", diff)
		}
	}
}

// No field of an answer is left out.
func TestAnswersAreComplete(t *testing.T) {
	var workload api.Workload
	var module api.Module
	var node api.Node
	var stats api.Stats
	for _, v := range []any{&workload, &module, &node, &stats} {
		fillValue(reflect.ValueOf(v).Elem())
	}
	workload.Spec.Grants = []grant.Grant{grant.Directory{HostPath: "/h", GuestPath: "/g", ReadOnly: true}}
	for _, m := range []proto.Message{
		fromWorkload(&workload), fromModule(&module), fromNode(node), fromStats(stats),
	} {
		missing(t, string(m.ProtoReflect().Descriptor().Name()), m.ProtoReflect())
	}
}

func TestEnumsAgree(t *testing.T) {
	for number, name := range reactorv1.WorkloadState_name {
		if got := api.State(number).String(); got != strings.TrimPrefix(name, "WORKLOAD_STATE_") {
			t.Errorf("state %d is %s in the reactor and %s in the API", number, got, name)
		}
	}
	for number, name := range reactorv1.EndReason_name {
		if got := api.Reason(number).String(); got != strings.TrimPrefix(name, "END_REASON_") {
			t.Errorf("reason %d is %s in the reactor and %s in the API", number, got, name)
		}
	}
	if len(reactorv1.OpKind_name) != int(hostcalls.OpKinds) {
		t.Errorf("%d kinds of ops in the API, %d in package hostcalls", len(reactorv1.OpKind_name), hostcalls.OpKinds)
	}
	for number, name := range reactorv1.OpKind_name {
		if got := hostcalls.OpKind(number).String(); got != strings.ToLower(strings.TrimPrefix(name, "OP_KIND_")) {
			t.Errorf("kind %d of ops is %s in package hostcalls and %s in the API", number, got, name)
		}
	}
	for domain, api := range map[uint8]protoreflect.EnumNumber{
		uint8(api.Stdout):      reactorv1.OutputStream_OUTPUT_STREAM_STDOUT.Number(),
		uint8(api.Stderr):      reactorv1.OutputStream_OUTPUT_STREAM_STDERR.Number(),
		uint8(api.BothStreams): reactorv1.OutputStream_OUTPUT_STREAM_UNSPECIFIED.Number(),
	} {
		if protoreflect.EnumNumber(domain) != api {
			t.Errorf("stream %d is %d in the API", domain, api)
		}
	}
	if int(api.WASICommand) != int(reactorv1.ModuleKind_MODULE_KIND_WASI_COMMAND) ||
		int(api.WASIReactor) != int(reactorv1.ModuleKind_MODULE_KIND_WASI_REACTOR) ||
		int(api.ComponentCommand) != int(reactorv1.ModuleKind_MODULE_KIND_COMPONENT_COMMAND) ||
		int(api.Component) != int(reactorv1.ModuleKind_MODULE_KIND_COMPONENT) {
		t.Error("kinds of modules differ")
	}
}

// What has no counterpart in the reactor is refused with the path of each field.
func TestRefusals(t *testing.T) {
	var bad fields
	spec := toSpec(&reactorv1.WorkloadSpec{
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{}}}, {}},
		Limits: &reactorv1.Limits{Timeout: durationpb.New(-time.Second)},
	}, &bad)
	toFilter(&reactorv1.WorkloadFilter{States: []reactorv1.WorkloadState{1, 0, 300}}, &bad)
	var e *errs.Error
	if !errors.As(bad.err(), &e) {
		t.Fatal("nothing was refused")
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Path)
	}
	if len(spec.Grants) != 2 || spec.Grants[1] != nil {
		t.Errorf("the grants are %v: an empty one is a fault that is told with those of the others", spec.Grants)
	}
	want := []string{"spec.limits.timeout", "filter.states[1]", "filter.states[2]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// An argument without a kind is refused by its place.
func TestCallWithoutValues(t *testing.T) {
	var bad fields
	toCall(&reactorv1.FunctionCall{Args: []*reactorv1.Value{{Kind: &reactorv1.Value_Bool{}}, {}}}, &bad)
	if len(bad) != 1 || bad[0].Path != "spec.call.args[1]" {
		t.Errorf("faults %v", bad)
	}
}

func TestAbsentMessages(t *testing.T) {
	var bad fields
	spec := toSpec(nil, &bad)
	filter := toFilter(nil, &bad)
	if err := bad.err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.Spec{}, spec); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(api.Filter{}, filter); diff != "" {
		t.Error(diff)
	}
}

// fillMessage sets every field of m that is not a member of a oneof, and the set member of each.
func fillMessage(m protoreflect.Message) {
	if v, ok := m.Interface().(*reactorv1.Value); ok { // values have values
		v.Kind = &reactorv1.Value_Bool{Bool: true}
		return
	}
	list := m.Descriptor().Fields()
	for i := range list.Len() {
		f := list.Get(i)
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() && !m.Has(f) {
			continue
		}
		switch {
		case f.IsMap():
			m.Mutable(f).Map().Set(protoreflect.ValueOfString("k").MapKey(), protoreflect.ValueOfString("v"))
		case f.IsList() && f.Message() != nil:
			fillMessage(m.Mutable(f).List().AppendMutable().Message())
		case f.IsList():
			m.Mutable(f).List().Append(sample(f))
		case f.Message() != nil:
			fillMessage(m.Mutable(f).Message())
		default:
			m.Set(f, sample(f))
		}
	}
}

func sample(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("text of " + string(f.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("bytes"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(f.Number()) + 7)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(f.Number()) + 7)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(f.Number()) + 7)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(f.Number()) + 7)
	default:
		panic("no sample of a " + f.Kind().String())
	}
}

// missing reports the fields of m that are not set.
func missing(t *testing.T, path string, m protoreflect.Message) {
	t.Helper()
	if name := m.Descriptor().FullName(); name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" {
		return
	}
	list := m.Descriptor().Fields()
	for i := range list.Len() {
		f := list.Get(i)
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() && m.WhichOneof(o) != nil {
			f = m.WhichOneof(o)
		}
		at := path + "." + string(f.Name())
		switch {
		case !m.Has(f):
			t.Errorf("%s is not set", at)
		case f.IsList() && f.Message() != nil:
			missing(t, at, m.Get(f).List().Get(0).Message())
		case f.Message() != nil && !f.IsMap() && !f.IsList():
			missing(t, at, m.Get(f).Message())
		}
	}
}

// fillValue sets every field of a struct, and what it holds, to something that is not zero.
func fillValue(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
		return
	}
	if v.Type() == reflect.TypeFor[value.Literal]() { // literals have literals
		v.Set(reflect.ValueOf(value.Literal{Form: value.BoolForm, Bits: 1}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			fillValue(f)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillValue(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillValue(key)
		fillValue(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(2)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Interface: // a grant: the test sets it
	default:
		panic("no sample of a " + v.Kind().String())
	}
}
