package modules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// alike returns texts whose digests have the same first six digits, in the order of the digests.
func alike() (first, second string) {
	seen := map[string]string{}
	for i := 0; ; i++ {
		text := fmt.Sprint("alike ", i)
		prefix := hexOf(text)[:6]
		if other := seen[prefix]; other != "" {
			if hexOf(other) > hexOf(text) {
				return text, other
			}
			return other, text
		}
		seen[prefix] = text
	}
}

func hexOf(text string) string { return store.DigestOf([]byte(text)).Hex() }

// TestFindByPrefix: whatever names a module names it for every call.
func TestFindByPrefix(t *testing.T) {
	f := newFixture(t)
	first, second := alike()
	f.push(first, "")
	digest := store.DigestOf([]byte(first))
	names := func(want store.Digest, refs ...string) {
		t.Helper()
		for _, ref := range refs {
			if m, err := f.Get(t.Context(), ref); err != nil || m.Digest != want.String() {
				t.Errorf("Get of %q: %+v, %v", ref, m, err)
			}
			for range 2 { // from the store, then from the catalog
				if got, _, err := f.LookUp(t.Context(), ref); err != nil || got != want {
					t.Errorf("LookUp of %q: %v, %v", ref, got, err)
				}
			}
			if got, err := f.FindDigest(t.Context(), "module", ref); err != nil || got != want {
				t.Errorf("FindDigest of %q: %v, %v", ref, got, err)
			}
		}
	}
	hex := digest.Hex()
	names(digest, hex[:6], "sha256:"+hex[:6], hex[:13], hex, digest.String())

	f.push(second, "")
	for _, ref := range []string{hex[:6], "sha256:" + hex[:6]} {
		_, err := f.Get(t.Context(), ref)
		wantError(t, err, errs.ModuleAmbiguous, false)
		for _, text := range []string{first, second} {
			if err != nil && !strings.Contains(err.Error(), hexOf(text)[:12]) {
				t.Errorf("%q does not name %s", err, hexOf(text))
			}
		}
		_, _, err = f.LookUp(t.Context(), ref)
		wantError(t, err, errs.ModuleAmbiguous, false)
		_, err = f.Tag(t.Context(), ref, "tag")
		wantError(t, err, errs.ModuleAmbiguous, false)
		wantError(t, f.Delete(t.Context(), ref), errs.ModuleAmbiguous, false)
	}

	// A tag that looks like digits has precedence.
	other := store.DigestOf([]byte(second))
	if _, err := f.Tag(t.Context(), other.Hex(), hex[:8]); err != nil {
		t.Fatal(err)
	}
	names(other, hex[:8])
	names(digest, "sha256:"+hex[:20], hex[:20])
	if _, err := f.Untag(t.Context(), hex[:8]); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), other.Hex()[:20]); err != nil {
		t.Fatal(err)
	}
	names(digest, hex[:6])

	for ref, class := range map[string]errs.Class{
		"sha256:" + hex[:5]: errs.InvalidArgument, "sha256:ABCDEF": errs.InvalidArgument, "sha256:" + hex + "0": errs.InvalidArgument,
		hex[:5]: errs.ModuleNotFound, hex + "0": errs.ModuleNotFound, other.Hex()[:20]: errs.ModuleNotFound, "": errs.InvalidArgument,
	} {
		_, err := f.Get(t.Context(), ref)
		wantError(t, err, class, false)
	}
}

// TestAmbiguousNamesAreShort, and long enough to tell the modules apart.
func TestAmbiguousNamesAreShort(t *testing.T) {
	var one, other store.Digest
	other[20] = 1
	err := ambiguous("000000", []store.Digest{one, other})
	if text := err.Error(); !strings.Contains(text, strings.Repeat("0", 45)+", ") || !strings.Contains(text, strings.Repeat("0", 41)+"1000") {
		t.Errorf("the error is %q", text)
	}
	many := make([]store.Digest, maxCandidates+1)
	for i := range many {
		many[i][5] = byte(i)
	}
	if text := ambiguous("000000", many).Error(); !strings.HasSuffix(text, "and more") || len(text) > 200 {
		t.Errorf("the error is %q", text)
	}
}

func TestUntag(t *testing.T) {
	f := newFixture(t)
	f.push("module", "one")
	if _, err := f.Tag(t.Context(), "one", "two"); err != nil {
		t.Fatal(err)
	}
	if m, err := f.Untag(t.Context(), "one"); err != nil || !slices.Equal(m.Tags, []string{"two"}) {
		t.Errorf("Untag: %+v, %v", m, err)
	}
	_, err := f.Untag(t.Context(), "one")
	wantError(t, err, errs.ModuleNotFound, false)
	if e, ok := errors.AsType[*errs.Error](err); !ok || !strings.Contains(e.Message, `no tag "one"`) {
		t.Errorf("the error is %v", err)
	}
	_, err = f.Untag(t.Context(), "sha256:00")
	wantError(t, err, errs.InvalidArgument, false)
	_, _, err = f.LookUp(t.Context(), "one")
	wantError(t, err, errs.ModuleNotFound, false)
}

// TestNames: a module has the name of its last push that had one, and knows when it was last pushed.
func TestNames(t *testing.T) {
	f := newFixture(t)
	push := func(name string) *api.Module {
		t.Helper()
		m, _, err := f.Upload(t.Context(), api.UploadRequest{Content: []byte("module"), Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := time.Now()
	for _, tc := range []struct{ sent, want string }{{"", ""}, {"first", "first"}, {"", "first"}, {"second", "second"}} {
		if m := push(tc.sent); m.Name != tc.want || m.LastUseTime.Before(before) || m.LastUseTime.After(time.Now()) {
			t.Errorf("pushed as %q it is called %q, and was last used at %v", tc.sent, m.Name, m.LastUseTime)
		}
	}
	_, _, err := f.Upload(t.Context(), api.UploadRequest{Name: "a\x1bb", Tag: "-"})
	wantError(t, err, errs.InvalidArgument, false)
	if e, ok := errors.AsType[*errs.Error](err); !ok || len(e.Fields) != 3 {
		t.Errorf("the faults are %+v", e)
	}
}

func TestUpload(t *testing.T) {
	f := newFixture(t)
	request := api.UploadRequest{Content: []byte("module"), Tag: "tag"}
	for _, existed := range []bool{false, true} {
		m, got, err := f.Upload(t.Context(), request)
		if err != nil || got != existed || m.Digest != store.DigestOf(request.Content).String() || !slices.Equal(m.Tags, []string{"tag"}) {
			t.Errorf("%+v, existed %t, %v", m, got, err)
		}
	}
	f.language.refused = &refusedModule
	_, _, err := f.Upload(t.Context(), api.UploadRequest{Content: []byte("refused")})
	wantError(t, err, errs.ModuleInvalid, false)
	_, _, err = f.Upload(t.Context(), api.UploadRequest{Content: make([]byte, 1<<20+1)})
	wantError(t, err, errs.ModuleTooLarge, false)
}

// TestAdmission: a submission finds a module alone whose signer is admitted now, whatever was found before.
func TestAdmission(t *testing.T) {
	f := newFixture(t)
	accepted := ""
	f.Admits = func(signer string) bool { return signer == accepted }
	push := func(signer string) {
		t.Helper()
		p, err := f.Push(t.Context(), api.PushRequest{Digest: "sha256:" + hexOf("module"), SizeBytes: uint64(len("module")), Tag: "tag", Signer: signer})
		if err == nil && p.Offset() == 0 {
			_, err = p.Write([]byte("module"))
		}
		if err == nil {
			_, _, err = p.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(why string) {
		t.Helper()
		_, _, err := f.LookUp(t.Context(), "tag")
		if why == "" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		wantError(t, err, errs.SignatureRequired, false)
		if err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("the error is %q, want %q", err, why)
		}
	}
	push("")
	want("")
	accepted = "sha256:a"
	want("no signature of this module was verified")
	push("sha256:a")
	want("")
	accepted = "sha256:b"
	want("with another key than those that are accepted, sha256:a")
	push("") // which says nothing of a signer
	want("sha256:a")
	push("sha256:b")
	want("")
	if m, err := f.Get(t.Context(), "tag"); err != nil || m.Signer != "sha256:b" {
		t.Errorf("the module is %+v, %v", m, err)
	}
}
