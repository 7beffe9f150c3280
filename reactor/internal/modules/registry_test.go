package modules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// TestLookUp finds what a tag points at now, wherever it was before.
func TestLookUp(t *testing.T) {
	f := newFixture(t)
	f.push("one", "tag")
	f.push("two", "")
	one, two := store.DigestOf([]byte("one")), store.DigestOf([]byte("two"))
	want := func(ref string, want store.Digest) {
		t.Helper()
		for range 2 { // from the store, then from the catalog
			if got, info, err := f.LookUp(t.Context(), ref); err != nil || got != want || info.Kind != abi.Command {
				t.Errorf("%s is %v, %+v, %v; want %v", ref, got, info, err, want)
			}
		}
	}
	want("tag", one)
	want(two.String(), two)
	if _, err := f.Tag(t.Context(), two.String(), "tag"); err != nil {
		t.Fatal(err)
	}
	want("tag", two)
	want(one.String(), one)
	if err := f.Delete(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	for ref, class := range map[string]errs.Class{
		"tag": errs.ModuleNotFound, two.String(): errs.ModuleNotFound, "sha256:12": errs.InvalidArgument, "a b": errs.InvalidArgument,
	} {
		_, _, err := f.LookUp(t.Context(), ref)
		wantError(t, err, class, false)
	}
	want(one.String(), one)
}

// TestUnknownKind: a module of a kind that no ABI runs any more can be looked at, and not run.
func TestUnknownKind(t *testing.T) {
	f := newFixture(t)
	f.language.module.Kind = 99
	f.push("module", "tag")
	if m, err := f.Get(t.Context(), "tag"); err != nil || m.Kind != 99 {
		t.Errorf("%+v, %v", m, err)
	}
	digest, info, err := f.LookUp(t.Context(), "tag")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context(), digest); err == nil {
		t.Error("it is loaded")
	} else if _, unknown := errors.AsType[*abi.UnknownKindError](err); !unknown {
		t.Errorf("Load: %v", err)
	}
	var faults errs.Faults
	wantError(t, f.CheckSpec(&faults, info, &api.Spec{Module: "tag"}, api.Limits{}, false), errs.ModuleUnsupported, false)
}

// TestTagsAreBounded: a client that tags endlessly comes to an end, and hears what to do.
func TestTagsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.push("module", "tag")
	for i := range 255 {
		if _, err := f.Tag(t.Context(), "tag", fmt.Sprint("t", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.Tag(t.Context(), "tag", "more")
	wantError(t, err, errs.LimitExceeded, false)
	if e, ok := errors.AsType[*errs.Error](err); !ok || e.Resource.Name != store.DigestOf([]byte("module")).String() || !strings.Contains(e.Message, "delete modules") {
		t.Errorf("the refusal is %+v", e)
	}
	if _, err := f.Tag(t.Context(), "tag", "t0"); err != nil {
		t.Errorf("a tag that it has: %v", err)
	}
}
