package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRegistry is a registry in memory, which may lie.
type fakeRegistry struct {
	*httptest.Server

	mu        sync.Mutex
	manifests map[string][]byte // by tags and digests
	blobs     map[string][]byte // by digests
	requests  []string

	// lie answers a request in another way, and reports whether it has.
	lie func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeRegistry(t *testing.T) *fakeRegistry {
	t.Helper()
	f := &fakeRegistry{manifests: map[string][]byte{}, blobs: map[string][]byte{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// host is the registry's address by a name, so that its number is another host.
func (f *fakeRegistry) host() string {
	u, _ := url.Parse(f.URL)
	return "localhost:" + u.Port()
}

func (f *fakeRegistry) ref(t *testing.T, rest string) Reference {
	t.Helper()
	ref, err := ParseReference(Scheme + f.host() + "/" + rest)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// client is a client that loses its patience soon.
func (f *fakeRegistry) client(t *testing.T, change ...func(*Options)) *Client {
	t.Helper()
	options := Options{Registry: f.host(), PlainHTTP: true, MaxBytes: 1 << 20, UserAgent: "test"}
	for _, c := range change {
		c(&options)
	}
	c := New(options)
	c.stall, c.pause = 200*time.Millisecond, time.Millisecond
	t.Cleanup(c.Close)
	return c
}

// put stores a manifest under a tag, and its digest.
func (f *fakeRegistry) put(tag string, manifest any) digest.Digest {
	text, _ := json.Marshal(manifest)
	d := digest.FromBytes(text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.manifests[tag], f.manifests[d.String()] = text, text
	return d
}

// module stores a module under a tag.
func (f *fakeRegistry) module(tag string, content []byte) ocispec.Manifest {
	d := digest.FromBytes(content)
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: configType, Digest: digest.FromString("{}"), Size: 2},
		Layers:    []ocispec.Descriptor{{MediaType: layerType, Digest: d, Size: int64(len(content))}},
	}
	f.mu.Lock()
	f.blobs[d.String()] = content
	f.mu.Unlock()
	f.put(tag, m)
	return m
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("Range"))
	lie := f.lie
	f.mu.Unlock()
	if lie != nil && lie(w, r) {
		return
	}
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case strings.Contains(r.URL.Path, "/uploads/"):
		f.upload(w, r)
	case strings.Contains(r.URL.Path, "/manifests/"):
		f.manifest(w, r, name)
	default:
		f.blob(w, r, name)
	}
}

func (f *fakeRegistry) upload(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		w.Header().Set("Location", r.URL.Path+"one")
		w.WriteHeader(http.StatusAccepted)
		return
	}
	content, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blobs[r.URL.Query().Get("digest")] = content
	w.WriteHeader(http.StatusCreated)
}

func (f *fakeRegistry) manifest(w http.ResponseWriter, r *http.Request, name string) {
	if r.Method == http.MethodPut {
		content, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.manifests[name], f.manifests[digest.FromBytes(content).String()] = content, content
		f.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		return
	}
	f.mu.Lock()
	text, ok := f.manifests[name]
	f.mu.Unlock()
	if !ok {
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
		return
	}
	var head struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal(text, &head)
	w.Header().Set("Content-Type", head.MediaType)
	w.Header().Set("Docker-Content-Digest", digest.FromBytes(text).String())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

func (f *fakeRegistry) blob(w http.ResponseWriter, r *http.Request, name string) {
	f.mu.Lock()
	content, ok := f.blobs[name]
	f.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// isBlob reports whether a request reads a blob.
func isBlob(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
}

// wantError fails the test unless err is an Error of a kind, with a text.
func wantError(t *testing.T, err error, kind Kind, text string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v (%T), want one of kind %d with %q", err, err, kind, text)
	}
}
