package abi

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/capability"
)

func TestConfigTellsAllFaults(t *testing.T) {
	err := (&Config{Descriptors: -1, PendingOps: -1}).Validate()
	if err == nil || len(err.(interface{ Unwrap() []error }).Unwrap()) != 2 {
		t.Errorf("Validate = %v, want two faults", err)
	}
	err = (&Config{Descriptors: 4, Grants: []capability.Grant{socket{}, socket{}}}).Validate()
	if err == nil {
		t.Error("grants beyond the limit of descriptors are valid")
	}
}

// socket is a grant with a SocketHandle.
type socket struct{}

func (socket) String() string               { return "a socket" }
func (socket) Handle() capability.Handle    { return capability.SocketHandle }
func (socket) Open(capability.Opener) error { return nil }

// fake is an ABI that runs some kinds, and answers every Load with err.
type fake struct {
	kinds []Kind
	err   error
}

func (f *fake) Kinds() []Kind                                { return f.kinds }
func (f *fake) Define(context.Context, wazero.Runtime) error { return nil }
func (f *fake) CheckEntry(*Description, Entry) []Fault       { return nil }
func (f *fake) WIT([]byte) (string, error)                   { return "", nil }
func (f *fake) Needs(*Description) []string                  { return nil }
func (f *fake) Load(context.Context, *engine.Engine, Source) (Program, error) {
	return nil, f.err
}

func TestSet(t *testing.T) {
	core, other := &fake{kinds: []Kind{Command, Reactor}}, &fake{kinds: []Kind{Reactor + 1}}
	set, err := NewSet(core, other)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[Kind]ABI{Command: core, Reactor: core, Reactor + 1: other} {
		if got, err := set.Of(kind); got != want || err != nil {
			t.Errorf("Of(%d) = %p, %v, want %p", kind, got, err, want)
		}
	}
	for _, kind := range []Kind{0, Reactor + 2} {
		if _, err := set.Of(kind); err == nil {
			t.Errorf("somebody runs kind %d", kind)
		}
	}
	if _, err := NewSet(); err == nil {
		t.Error("there is a set of no ABIs")
	}
	if _, err := NewSet(core, &fake{kinds: []Kind{Reactor}}); err == nil {
		t.Error("two ABIs may have one kind")
	}
}

// A module is loaded by the first ABI to which it is not foreign. If it is foreign to all, the error is that of the
// first.
func TestSetLoad(t *testing.T) {
	first, second, broken := errors.New("not mine"), errors.New("nor mine"), errors.New("broken")
	for _, tt := range []struct {
		name       string
		one, other error
		want       error
	}{
		{"the first takes it", nil, broken, nil},
		{"the second takes it", &ForeignError{first}, nil, nil},
		{"the first refuses it", broken, nil, broken},
		{"the second refuses it", &ForeignError{first}, broken, broken},
		{"nobody takes it", &ForeignError{first}, &ForeignError{second}, first},
	} {
		set, err := NewSet(&fake{kinds: []Kind{1}, err: tt.one}, &fake{kinds: []Kind{2}, err: tt.other})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := set.Load(t.Context(), nil, Source{}); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// The form of records in stores does not change.
func TestDescriptionAsJSON(t *testing.T) {
	most := uint64(131072)
	d := Description{
		Kind: Reactor, Imports: []Import{{"m", "n", "(func)"}}, Exports: []Export{{"e", "(memory 1)"}},
		Memory: &Memory{65536, &most}, Functions: 3,
	}
	const want = `{"kind":2,"imports":[{"Module":"m","Name":"n","Type":"(func)"}],` +
		`"exports":[{"Name":"e","Type":"(memory 1)"}],"memory":{"MinBytes":65536,"MaxBytes":131072},"functions":3}`
	if got, err := json.Marshal(d); err != nil || string(got) != want {
		t.Errorf("encoded %s, %v, want %s", got, err, want)
	}
}
