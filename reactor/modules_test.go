package reactor

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func TestModules(t *testing.T) {
	r := open(t)
	binary := guest(t, "add")
	m, existed, err := pushBytes(t, r, binary, "math:1")
	if err != nil || existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
	want := &api.Module{
		Digest: digestOf(binary), SizeBytes: uint64(len(binary)), Kind: api.WASIReactor,
		Exports: []api.ModuleExport{
			{Name: "memory", Type: "(memory 1)"}, {Name: "_initialize", Type: "(func)"},
			{Name: "add", Type: "(func (param i32 i32) (result i32))"},
		},
		Memory: &api.ModuleMemory{MinBytes: 65536}, Tags: []string{"math:1"}, FunctionCount: 2,
	}
	if diff := cmp.Diff(want, m, cmpopts.IgnoreFields(api.Module{}, "CreateTime", "LastUseTime")); diff != "" {
		t.Errorf("the module (-want +got):\n%s", diff)
	}
	m, existed, err = pushBytes(t, r, binary, "math:latest")
	if err != nil || !existed || !slices.Equal(m.Tags, []string{"math:1", "math:latest"}) {
		t.Errorf("again: existed %v, %+v, %v", existed, m, err)
	}
	push(t, r, "nap", "sleep")
	if m, err := r.GetModule(deadline(t), "nap"); err != nil || m.Kind != api.WASICommand || len(m.Imports) != 2 || m.Needs != nil {
		t.Errorf("GetModule = %+v, %v", m, err)
	}
	var names []string
	for token, more := "", true; more; more = token != "" {
		page, err := r.ListModules(deadline(t), api.Page{Size: 2, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Modules {
			names = append(names, m.Tags...)
		}
		token = page.Next
	}
	if !slices.Equal(names, []string{"sleep", "nap", "math:1", "math:latest"}) {
		t.Errorf("listed %q, want newest first", names)
	}

	submit(t, r, "w", api.Spec{Module: "sleep"})
	wantClass(t, r.DeleteModule(deadline(t), "sleep"), errs.ModuleInUse, "1")
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"w"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteModule(deadline(t), "sleep"); err != nil {
		t.Error(err)
	}
	_, err = r.GetModule(deadline(t), "sleep")
	wantClass(t, err, errs.ModuleNotFound, "sleep")
	wantClass(t, r.DeleteModule(deadline(t), "sleep"), errs.ModuleNotFound)
	_, _, err = r.SubmitWorkload(deadline(t), api.SubmitRequest{Spec: api.Spec{Module: "sleep"}})
	wantClass(t, err, errs.ModuleNotFound)
}

func TestTagMoves(t *testing.T) {
	r := open(t)
	push(t, r, "hello", "fail")
	if _, err := r.TagModule(deadline(t), "hello", "current"); err != nil {
		t.Fatal(err)
	}
	if w := run(t, r, "1", api.Spec{Module: "current"}); w.Status.State != api.Succeeded {
		t.Errorf("status %+v", w.Status)
	}
	if m, err := r.TagModule(deadline(t), digestOf(guest(t, "fail")), "current"); err != nil || !slices.Equal(m.Tags, []string{"current", "fail"}) {
		t.Errorf("TagModule = %+v, %v", m, err)
	}
	if w := run(t, r, "2", api.Spec{Module: "current"}); w.Status.State != api.Failed {
		t.Errorf("status %+v", w.Status)
	}
	_, err := r.TagModule(deadline(t), "hello", "a b")
	wantClass(t, err, errs.InvalidArgument)
	_, err = r.TagModule(deadline(t), "nothing", "x")
	wantClass(t, err, errs.ModuleNotFound)
}

// TestPushResumes breaks a push off and goes on with it, also in another reactor, given a proof.
func TestPushResumes(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir)
	binary := padded(guest(t, "cat"), 2*mib)
	half := sha256.Sum256(binary[:mib])
	req := api.PushRequest{Digest: digestOf(binary), SizeBytes: uint64(len(binary)), Tag: "cat", Sender: "me"}
	begin := func(want uint64) *Push {
		t.Helper()
		p, err := r.PushModule(deadline(t), req)
		if err != nil || p.Offset() != want {
			t.Fatalf("offset %d, %v; want %d", p.Offset(), err, want)
		}
		return p
	}
	p := begin(0)
	const part = mib + 100
	if _, err := p.Write(binary[:part]); err != nil {
		t.Fatal(err)
	}
	p.Close()
	p = begin(part)
	_, _, err := p.Commit(deadline(t))
	wantClass(t, err, errs.InvalidArgument, "fewer")
	shutdown(t, r)
	r = openIn(t, dir)
	req.PrefixDigests = [][]byte{half[:]}
	p = begin(mib)
	if _, err := p.Write(binary[mib:]); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte{0}); err == nil {
		t.Error("more bytes than announced are taken")
	}
	p.Close()
	p = begin(uint64(len(binary)))
	if _, existed, err := p.Commit(deadline(t)); err != nil || existed {
		t.Errorf("existed %v, %v", existed, err)
	}
	p = begin(uint64(len(binary)))
	if _, existed, err := p.Commit(deadline(t)); err != nil || !existed {
		t.Errorf("existed %v, %v", existed, err)
	}
	run(t, r, "w", api.Spec{Module: "cat"})
}

// padded is a module with a custom section of that many bytes more.
func padded(module []byte, size int) []byte {
	section := append([]byte{1, 'x'}, make([]byte, size)...)
	out := append(slices.Clone(module), 0)
	out = binary.AppendUvarint(out, uint64(len(section)))
	return append(out, section...)
}

func TestPushRefuses(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxModuleBytes = 1 << 20; c.ModuleStoreBytes = 1 << 20 })
	hello := guest(t, "hello")
	component := []byte("\x00asm\x0d\x00\x01\x00")
	shared := []byte("\x00asm\x01\x00\x00\x00\x05\x04\x01\x03\x01\x02")
	memory64 := []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x04\x01")
	huge := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x05\x01\x00\x80\x80\x03" +
		"\x07\x0a\x01\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b")
	for _, tc := range []struct {
		name   string
		binary []byte
		class  errs.Class
		words  []string
	}{
		{"not wasm", []byte("#!/bin/sh\necho hello\n"), errs.ModuleInvalid, []string{"not a WebAssembly module", "it is a script"}},
		{"truncated", hello[:len(hello)-5], errs.ModuleInvalid, []string{"at byte"}},
		{"component", component, errs.ModuleUnsupported, []string{"component"}},
		{"shared memory", shared, errs.ModuleUnsupported, []string{"at byte"}},
		{"64-bit memory", memory64, errs.ModuleUnsupported, []string{"at byte"}},
		{"memory minimum", huge, errs.LimitExceeded, []string{"3221225472"}},
		{"unknown import", guest(t, "stranger"), errs.ModuleUnsupported, []string{"env", "teleport"}},
		{"no entry point", guest(t, "noentry"), errs.ModuleInvalid, []string{"_start"}},
		{"too large", make([]byte, 1<<20+1), errs.ModuleTooLarge, []string{"1048576"}},
		{"empty", nil, errs.InvalidArgument, []string{"size_bytes"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 2 { // the second push finds nothing left of the first
				_, _, err := pushBytes(t, r, tc.binary, "refused")
				wantClass(t, err, tc.class, tc.words...)
			}
			_, err := r.GetModule(deadline(t), "refused")
			wantClass(t, err, errs.ModuleNotFound)
		})
	}
	for name, req := range map[string]api.PushRequest{
		"digest": {Digest: "sha256:12", SizeBytes: 1},
		"tag":    {Digest: digestOf(hello), SizeBytes: 1, Tag: "sha256:x"},
	} {
		_, err := r.PushModule(deadline(t), req)
		t.Log(name, err)
		wantClass(t, err, errs.InvalidArgument)
	}
	p, err := r.PushModule(deadline(t), api.PushRequest{Digest: digestOf(hello), SizeBytes: uint64(len(hello))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(bytes.Repeat([]byte{1}, len(hello))); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.Commit(deadline(t))
	wantClass(t, err, errs.DigestMismatch)
	push(t, r, "hello")
	_, err = r.PushModule(deadline(t), api.PushRequest{Digest: digestOf(hello), SizeBytes: 7})
	wantClass(t, err, errs.DigestMismatch)
	_, err = r.PushModule(deadline(t), api.PushRequest{Digest: digestOf(nil), SizeBytes: 1 << 20})
	wantClass(t, err, errs.StoreFull)
	if !strings.Contains(err.Error(), "ended workloads") {
		t.Errorf("it does not say that results hold modules: %v", err)
	}
}
