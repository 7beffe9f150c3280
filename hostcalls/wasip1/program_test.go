package wasip1

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// TestLoadRefuses: a module that can't be run here is refused before it is compiled. If another ABI may accept it, the
// error is an *abi.ForeignError.
func TestLoadRefuses(t *testing.T) {
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	a := New()
	if err := e.AddHost(ctx, a.Define); err != nil {
		t.Fatal(err)
	}
	errTaste := errors.New("not to my taste")
	isForeign := func(err error) bool { _, ok := errors.AsType[*abi.ForeignError](err); return ok }
	for _, tt := range []struct {
		name   string
		binary []byte
		accept func(*abi.Description) error
		want   func(error) bool
	}{
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), nil, isForeign},
		{"broken", []byte("\x00asm\x01\x00\x00\x00\xff"), nil, func(err error) bool {
			_, ok := errors.AsType[*meter.Error](err)
			return ok && !isForeign(err)
		}},
		{"without an export", []byte("\x00asm\x01\x00\x00\x00"), nil, func(err error) bool {
			_, ok := errors.AsType[*abi.EntryError](err)
			return ok
		}},
		{"not accepted", readGuest(t, "reactor/reactor.wasm"), func(d *abi.Description) error {
			if d.Kind != abi.Reactor || d.StartBytes() == 0 || d.Functions == 0 {
				t.Errorf("the module is described as %+v", d)
			}
			return errTaste
		}, func(err error) bool { return errors.Is(err, errTaste) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := a.Load(ctx, e, abi.Source{
				Digest: tt.name, Read: func() ([]byte, error) { return tt.binary, nil }, Accept: tt.accept,
			})
			if !tt.want(err) {
				t.Errorf("error %T %v", err, err)
			}
		})
	}
}

func TestCheckEntry(t *testing.T) {
	command := &abi.Description{Kind: abi.Command, Exports: []abi.Export{{Name: "_start", Type: "(func)"}}}
	reactor := &abi.Description{Kind: abi.Reactor, Exports: []abi.Export{
		{Name: "memory", Type: "(memory 1)"}, {Name: "_initialize", Type: "(func)"},
		{Name: "add", Type: "(func (param i32 i32) (result i32))"},
	}}
	for _, tt := range []struct {
		name   string
		module *abi.Description
		export string
		args   []string
		want   []abi.Fault
	}{
		{"a program", command, "", []string{"anything"}, nil},
		{"an export of a program", command, "add", nil,
			[]abi.Fault{{Field: "invoke", Text: `the module is a program: it exports "_start" and is run from there`}}},
		{"no export", reactor, "", nil,
			[]abi.Fault{{Field: "invoke", Text: `the module exports no "_start": name the export to invoke ("add")`}}},
		{"none such", reactor, "sub", nil,
			[]abi.Fault{{Field: "invoke", Text: `the module exports no function "sub" (it has "add")`}}},
		{"a memory", reactor, "memory", nil,
			[]abi.Fault{{Field: "invoke", Text: `the module exports no function "memory" (it has "add")`}}},
		{"too few arguments", reactor, "add", []string{"1"},
			[]abi.Fault{{Field: "args", Text: `"add" takes 2 arguments (i32 i32), not 1`}}},
		{"arguments of other types", reactor, "add", []string{"1", "x"},
			[]abi.Fault{{Field: "args[1]", Text: `"x" is not of type i32`}}},
		{"good", reactor, "add", []string{"1", "-2"}, nil},
	} {
		if diff := cmp.Diff(tt.want, New().CheckEntry(tt.module, abi.Entry{Invoke: tt.export, Args: tt.args})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A link is for a component: that is told before the module is run.
func TestCheckEntryLink(t *testing.T) {
	command := &abi.Description{Kind: abi.Command, Exports: []abi.Export{{Name: "_start", Type: "(func)"}}}
	folder := folderGrant{HostPath: "/", GuestPath: "/"}
	link := socketGrant(func(o capability.Opener) error {
		return o.Link(capability.Link{Interface: "a:b/c", Workload: "w"})
	})
	want := []abi.Fault{{Field: "grants[1].link.interface", Text: "the module is no component, and only components import a:b/c or anything else from other workloads"}}
	if diff := cmp.Diff(want, New().CheckEntry(command, abi.Entry{Grants: []capability.Grant{folder, link}})); diff != "" {
		t.Error(diff)
	}
}

func TestNeeds(t *testing.T) {
	module := func(imports ...abi.Import) *abi.Description { return &abi.Description{Imports: imports} }
	for _, tt := range []struct {
		module *abi.Description
		want   []string
	}{
		{module(), nil},
		{module(abi.Import{Module: moduleName, Name: "fd_write"}, abi.Import{Module: "env", Name: "path_open"}), nil},
		{module(abi.Import{Module: moduleName, Name: "sock_send"}), []string{"sockets"}},
		{module(abi.Import{Module: moduleName, Name: "sock_send"}, abi.Import{Module: moduleName, Name: "path_open"}), []string{"files", "sockets"}},
		{module(abi.Import{Module: moduleName, Name: "sock_connect"}), []string{"sockets", "dialling"}},
		{module(abi.Import{Module: moduleName, Name: "sock_send_to_v2"}, abi.Import{Module: moduleName, Name: "sock_getaddrinfo"}), []string{"sockets", "dialling", "names"}},
	} {
		if got := New().Needs(tt.module); !slices.Equal(got, tt.want) {
			t.Errorf("%v needs %v, want %v", tt.module.Imports, got, tt.want)
		}
	}
}
