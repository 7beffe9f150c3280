package registries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		place, registry, repository string
		want                        bool
	}{
		{"ghcr.io", "ghcr.io", "me/hello", true},
		{"ghcr.io/", "ghcr.io", "me/hello", true},
		{"ghcr.io/me", "ghcr.io", "me/hello", true},
		{"ghcr.io/me/hello", "ghcr.io", "me/hello", true},
		{"ghcr.io/me", "ghcr.io", "meagre/hello", false},
		{"ghcr.io/me/hello", "ghcr.io", "me", false},
		{"ghcr.io", "ghcr.io:443", "me", false},
		{"ghcr.io", "evil.ghcr.io", "me", false},
		{"http://localhost:5000/a", "localhost:5000", "a", true},
	} {
		p, err := ParsePlace(c.place)
		if err != nil {
			t.Fatal(err)
		}
		if p.covers(c.registry, c.repository) != c.want {
			t.Errorf("%s covers %s/%s: %v", c.place, c.registry, c.repository, !c.want)
		}
		if again, err := ParsePlace(p.String()); err != nil || again != p {
			t.Errorf("%s comes back as %v, %v", p, again, err)
		}
	}
	for _, text := range []string{"", "*", "https://ghcr.io", "ghcr.io/*", "ghcr.io/Me", "ghcr.io/me:1", "ghcr.io/me@sha256:12", "a b", "user@ghcr.io"} {
		if p, err := ParsePlace(text); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}

func TestCovers(t *testing.T) {
	places := func(texts ...string) (list []Place) {
		for _, text := range texts {
			p, err := ParsePlace(text)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		return list
	}
	for _, c := range []struct {
		large, small []Place
		want         bool
	}{
		{places("a.io"), places("a.io/b"), true},
		{places("a.io/b"), places("a.io"), false},
		{places("a.io"), places("http://a.io"), false},
		{places("http://a.io"), places("a.io"), true},
		{places("a.io"), places("a.io", "b.io"), false},
		{nil, nil, true},
	} {
		if Covers(c.large, c.small) != c.want {
			t.Errorf("%v covers %v: %v", c.large, c.small, !c.want)
		}
	}
}

// fakePush is a store that has some bytes of a module.
type fakePush struct {
	bytes.Buffer
	at        uint64
	full      error
	committed bool
	discarded bool
}

func (p *fakePush) Offset() uint64 { return p.at }
func (p *fakePush) Write(b []byte) (int, error) {
	if p.full != nil {
		return 0, p.full
	}
	return p.Buffer.Write(b)
}
func (p *fakePush) Commit(context.Context) (*api.Module, bool, error) {
	p.committed = true
	return &api.Module{Digest: "the digest"}, false, nil
}
func (p *fakePush) Discard() error { p.discarded = true; return nil }
func (p *fakePush) Close() error   { return nil }

// A fetch goes on from what the store has, keeps what arrived if it fails, and forgets what was a lie.
func TestFetch(t *testing.T) {
	content := []byte("0123456789")
	sum := digest.FromBytes(content)
	manifest := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/wasm","digest":%q,"size":10}]}`, sum)
	sent := content
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			_, _ = w.Write(sent)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", digest.FromString(manifest).String())
		w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
		_, _ = w.Write([]byte(manifest))
	}))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")
	place, err := ParsePlace(registry.URL)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(p *fakePush, most int64) (req api.PushRequest, result *Result, err error) {
		f := New(Config{MaxBytes: most, Signers: anybody(t), Log: zap.NewNop(), Push: func(_ context.Context, got api.PushRequest) (Push, error) {
			req = got
			return p, nil
		}}, Settings{Places: []Place{place}})
		result, err = f.Fetch(t.Context(), Request{Reference: host + "/a:1", Tag: "tag"})
		return req, result, err
	}
	wantClass := func(err error, class errs.Class) {
		t.Helper()
		if e, ok := errors.AsType[*errs.Error](err); !ok || e.Class != class {
			t.Errorf("the error is %v, want one of the class %v", err, class)
		}
	}

	p := &fakePush{at: 4}
	req, result, err := fetch(p, 10)
	if err != nil || p.String() != "456789" || !p.committed || result.Artifact != host+"/a@"+digest.FromString(manifest).String() {
		t.Errorf("%q, %v, %+v", p.String(), err, result)
	}
	if req.Digest != sum.String() || req.SizeBytes != 10 || req.Tag != "tag" || req.Name != "a" || req.Sender != "registry "+host {
		t.Errorf("the push is %+v", req)
	}
	p = &fakePush{at: 10}
	if _, _, err := fetch(p, 10); err != nil || p.Len() > 0 || !p.committed {
		t.Errorf("of what is there already %q was read: %v", p.String(), err)
	}
	_, _, err = fetch(&fakePush{}, 9)
	wantClass(err, errs.ModuleTooLarge)
	full := errs.New(errs.StoreFull, "full")
	_, _, err = fetch(&fakePush{full: full}, 10)
	wantClass(err, errs.StoreFull)
	sent = []byte("9876543210")
	p = &fakePush{}
	_, _, err = fetch(p, 10)
	wantClass(err, errs.RegistryFault)
	if p.committed || !p.discarded {
		t.Error("what was a lie is kept")
	}
}

func TestCheckSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Settings{}).Check(); err != nil {
		t.Error(err)
	}
	err := Settings{Credentials: file, Keys: []Path{Path(file), "/nowhere"}}.Check()
	for _, want := range []string{"--registry-credentials " + file, "--require-signature " + file} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// anybody are signers of whom nobody is needed.
func anybody(t *testing.T) *Signers {
	t.Helper()
	s, err := NewSigners(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
