package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func TestParseReference(t *testing.T) {
	const sum = "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for _, c := range []struct{ text, want, name, err string }{
		{"oci://ghcr.io/me/hello:1.0", "ghcr.io/me/hello:1.0", "hello", ""},
		{"ghcr.io/me/hello", "ghcr.io/me/hello:latest", "hello", ""},
		{"oci://localhost:5000/a" + sum, "localhost:5000/a" + sum, "a", ""},
		{"oci://localhost:5000/a:1" + sum, "localhost:5000/a" + sum, "a", ""},
		{"oci://hello", "", "", "is not oci://REGISTRY/REPOSITORY:TAG"},
		{"oci://ghcr.io/Me/hello", "", "", "invalid repository"},
		{"oci://ghcr.io/me/hello:", "ghcr.io/me/hello:latest", "hello", ""},
		{"oci://ghcr.io/me/hello:a b", "", "", "invalid tag"},
		{"oci://ghcr.io/me/hello@sha256:12", "", "", "invalid digest"},
		{"oci://user@ghcr.io/me/hello:1", "", "", "invalid registry"},
	} {
		ref, err := ParseReference(c.text)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want one with %q", c.text, err, c.err)
			}
			continue
		}
		if err != nil || ref.String() != c.want || ref.Name() != c.name {
			t.Errorf("%s: %v named %s, %v; want %s named %s", c.text, ref, ref.Name(), err, c.want, c.name)
		}
	}
}

// A module that was published is what is read again, and the artifact has the layout of the CNCF.
func TestPublish(t *testing.T) {
	f := newFakeRegistry(t)
	c := f.client(t)
	content := []byte("\x00asm the module")
	m := Module{
		Digest: digest.FromBytes(content).String(), Size: int64(len(content)), Title: "calc.wasm",
		Open:      func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		Component: &Component{Exports: []string{"local:calc/api@1.0.0"}, Imports: []string{}},
	}
	ref := f.ref(t, "me/calc:1.0")
	at, err := c.Publish(t.Context(), ref, m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Publish(t.Context(), ref, m)
	if err != nil || again != at {
		t.Errorf("published again it is %v, %v, not %v", again, err, at)
	}
	artifact, err := c.Resolve(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if artifact.Reference != at || artifact.Digest != m.Digest || artifact.Size != m.Size {
		t.Errorf("resolved: %+v", artifact)
	}
	var got bytes.Buffer
	if err := c.Copy(t.Context(), artifact, 0, &got); err != nil || got.String() != string(content) {
		t.Errorf("read: %q, %v", got.String(), err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(f.manifests["1.0"], &manifest); err != nil {
		t.Fatal(err)
	}
	want := `{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["` + m.Digest +
		`"],"component":{"exports":["local:calc/api@1.0.0"],"imports":[]}}`
	if diff := cmp.Diff(want, string(f.blobs[manifest.Config.Digest.String()])); diff != "" {
		t.Errorf("the config (-want +got):\n%s", diff)
	}
	if manifest.Config.MediaType != configType || len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != layerType {
		t.Errorf("the manifest is %s", f.manifests["1.0"])
	}
}

// A tag that is moved after it was resolved does not change what is read.
func TestMovedTag(t *testing.T) {
	f := newFakeRegistry(t)
	c := f.client(t)
	f.module("1", []byte("the first one"))
	artifact, err := c.Resolve(t.Context(), f.ref(t, "a:1"))
	if err != nil {
		t.Fatal(err)
	}
	f.module("1", []byte("the second one"))
	var got bytes.Buffer
	if err := c.Copy(t.Context(), artifact, 0, &got); err != nil || got.String() != "the first one" {
		t.Errorf("read: %q, %v", got.String(), err)
	}
}

// An index has one manifest for WebAssembly among others.
func TestIndex(t *testing.T) {
	f := newFakeRegistry(t)
	f.module("wasm", []byte("the module"))
	of := func(arch string) ocispec.Descriptor {
		text := f.manifests["wasm"]
		return ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(text), Size: int64(len(text)),
			Platform: &ocispec.Platform{OS: "any", Architecture: arch},
		}
	}
	index := func(arch ...string) ocispec.Index {
		list := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
		for _, a := range arch {
			list.Manifests = append(list.Manifests, of(a))
		}
		return list
	}
	f.put("one", index("amd64", "wasm"))
	f.put("none", index("amd64", "arm64"))
	f.put("two", index("wasm", "wasm"))
	c := f.client(t)
	if a, err := c.Resolve(t.Context(), f.ref(t, "a:one")); err != nil || a.Digest != digest.FromString("the module").String() {
		t.Errorf("one of two: %v, %v", a, err)
	}
	_, err := c.Resolve(t.Context(), f.ref(t, "a:none"))
	wantError(t, err, NotModule, `none is wasm: ["any/amd64" "any/arm64"]`)
	_, err = c.Resolve(t.Context(), f.ref(t, "a:two"))
	wantError(t, err, NotModule, "2 are wasm")
}

// What is no module is named as what it is.
func TestNoModule(t *testing.T) {
	layer := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("x"), Size: 1}
	wasm := ocispec.Descriptor{MediaType: layerType, Digest: digest.FromString("x"), Size: 1}
	for _, c := range []struct {
		config string
		layers []ocispec.Descriptor
		kind   Kind
		want   string
	}{
		{ocispec.MediaTypeImageConfig, []ocispec.Descriptor{layer}, NotModule, "it is a container image, not a WebAssembly artifact: it has no layer of the type application/wasm"},
		{"application/vnd.cncf.helm.config.v1+json", []ocispec.Descriptor{layer}, NotModule, "it is a Helm chart"},
		{"text/poem", nil, NotModule, `it is an artifact of the type "text/poem"`},
		{configType, []ocispec.Descriptor{wasm, wasm}, NotModule, "2 layers"},
		{configType, []ocispec.Descriptor{{MediaType: layerType, Digest: "sha256:12", Size: 1}}, Untrue, "which is no module"},
		{configType, []ocispec.Descriptor{{MediaType: layerType, Digest: wasm.Digest, Size: -1}}, Untrue, "which is no module"},
		{configType, []ocispec.Descriptor{{MediaType: layerType, Digest: wasm.Digest, Size: 1 << 62}}, TooLarge, "more than the 1048576 that are taken"},
	} {
		f := newFakeRegistry(t)
		f.put("1", ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{MediaType: c.config}, Layers: c.layers})
		_, err := f.client(t).Resolve(t.Context(), f.ref(t, "a:1"))
		wantError(t, err, c.kind, c.want)
	}
}

// breakOff sends the first bytes of a body, and closes the connection.
func breakOff(w http.ResponseWriter, status int, body []byte, length int) {
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// A transfer that breaks off goes on where it was, with a registry that knows ranges and with one that does not.
func TestResume(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	for _, ranges := range []bool{true, false} {
		f := newFakeRegistry(t)
		f.module("1", content)
		breaks := 0
		f.lie = func(w http.ResponseWriter, r *http.Request) bool {
			if !isBlob(r) {
				return false
			}
			if !ranges {
				r.Header.Del("Range")
			} else {
				w.Header().Set("Accept-Ranges", "bytes")
			}
			begin := 0
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &begin)
			if breaks >= 3 || begin > 0 && begin == 1000*breaks && !ranges {
				return false
			}
			if ranges && breaks > 0 && begin == 0 {
				return false // the request that only shows that there are ranges
			}
			breaks++
			status := http.StatusOK
			if begin > 0 {
				status = http.StatusPartialContent
			}
			breakOff(w, status, content[begin:1000*breaks], len(content)-begin)
			return true
		}
		c := f.client(t)
		artifact, err := c.Resolve(t.Context(), f.ref(t, "a:1"))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := c.Copy(t.Context(), artifact, 0, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("ranges %v: %d bytes, %v", ranges, got.Len(), err)
		}
		if breaks != 3 {
			t.Errorf("ranges %v: it broke off %d times", ranges, breaks)
		}
		if ranges && !slices.ContainsFunc(f.requests, func(r string) bool { return strings.HasSuffix(r, " bytes=3000-9999") }) {
			t.Errorf("no range was asked for: %q", f.requests)
		}
		got.Reset()
		if err := c.Copy(t.Context(), artifact, 9000, &got); err != nil || !bytes.Equal(got.Bytes(), content[9000:]) {
			t.Errorf("ranges %v, from an offset: %d bytes, %v", ranges, got.Len(), err)
		}
	}
}

// A registry that lies, never ends, or leads elsewhere is found out.
func TestLyingRegistry(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	chunked := func(w http.ResponseWriter, body []byte) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(body)
	}
	isHead := func(r *http.Request) bool { return r.Method == http.MethodHead }
	for _, c := range []struct {
		name string
		lie  func(w http.ResponseWriter, r *http.Request) bool
		kind Kind
		want string
	}{
		{"other bytes", func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				_, _ = w.Write(bytes.Repeat([]byte("x"), len(content)))
			}
			return isBlob(r)
		}, Untrue, "bytes with the digest sha256:"},
		{"another length", func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				_, _ = w.Write(content[:10])
			}
			return isBlob(r)
		}, Untrue, "mismatch Content-Length"},
		{"too few bytes", func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				chunked(w, content[:10])
			}
			return isBlob(r)
		}, Unreachable, "after 10 of 10000 bytes"},
		{"too many bytes", func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				chunked(w, append(content[:len(content):len(content)], 'x'))
			}
			return isBlob(r)
		}, Untrue, "more than the 10000 bytes"},
		{"never ends", func(w http.ResponseWriter, r *http.Request) bool {
			for isBlob(r) {
				if _, err := w.Write(content); err != nil {
					return true
				}
			}
			return false
		}, Untrue, "more than the 10000 bytes"},
		{"says nothing", func(_ http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				<-r.Context().Done()
			}
			return isBlob(r)
		}, Unreachable, "sends nothing more"},
		{"says nothing more", func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				chunked(w, content[:10])
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}
			return isBlob(r)
		}, Unreachable, "sends nothing more"},
		{"a range that is none", func(w http.ResponseWriter, r *http.Request) bool {
			if !isBlob(r) {
				return false
			}
			w.Header().Set("Accept-Ranges", "bytes")
			if r.Header.Get("Range") == "" {
				breakOff(w, http.StatusOK, content[:5], len(content))
			}
			w.Header().Set("Content-Range", "bytes 5-9999/10000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content[:len(content)-5])
			return true
		}, Untrue, "bytes with the digest sha256:"},
		{"another manifest", func(w http.ResponseWriter, r *http.Request) bool {
			if isHead(r) || !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, `{"layers":[]}`)
			return true
		}, Unreachable, "has broken off the manifest"},
		{"a manifest that never ends", func(w http.ResponseWriter, r *http.Request) bool {
			if !isHead(r) {
				return false
			}
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			w.Header().Set("Docker-Content-Digest", digest.FromString("x").String())
			w.Header().Set("Content-Length", strconv.Itoa(1<<40))
			return true
		}, Untrue, "more than the 4194304 that one may have"},
		{"to plain text elsewhere", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
			return true
		}, Untrue, "leads to http://127.0.0.1:1, which is neither TLS nor its own host"},
		{"to this machine", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
			return true
		}, Untrue, "leads to 127.0.0.1, an address of this machine"},
		{"to the metadata service", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://169.254.169.254/latest", http.StatusTemporaryRedirect)
			return true
		}, Untrue, "leads to 169.254.169.254, an address of this machine"},
		{"in circles", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}, Untrue, "more than 5 redirects"},
		{"for a token to the metadata service", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://169.254.169.254/token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, Untrue, "blocked prefix"},
		{"is none", func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, "<html>welcome")
			return true
		}, Untrue, ""},
		{"fails", func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "no", http.StatusNotImplemented)
			return true
		}, Unreachable, "the registry has failed (501)"},
		{"has nothing", func(w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		}, NotFound, "no such artifact"},
		{"refuses", func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, `{"errors":[{"code":"DENIED","message":"not you"}]}`, http.StatusForbidden)
			return true
		}, Denied, "refuses access (403)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeRegistry(t)
			f.module("1", content)
			f.lie = c.lie
			client := f.client(t)
			artifact, err := client.Resolve(t.Context(), f.ref(t, "a:1"))
			if err == nil {
				err = client.Copy(t.Context(), artifact, 0, io.Discard)
			}
			wantError(t, err, c.kind, c.want)
		})
	}
}

// Credentials are sent to the registry that they are of, and what is wrong with them is told.
func TestCredentials(t *testing.T) {
	f := newFakeRegistry(t)
	f.module("1", []byte("the module"))
	f.lie = func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "ada" && password == "secret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return true
	}
	file := func(host, password string) func(*Options) {
		text := fmt.Sprintf(`{"auths": {%q: {"username": "ada", "password": %q}}}`, host, password)
		find, err := FileCredentials([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return func(o *Options) { o.Credentials = find }
	}
	resolve := func(change ...func(*Options)) error {
		_, err := f.client(t, change...).Resolve(t.Context(), f.ref(t, "a:1"))
		return err
	}
	if err := resolve(file(f.host(), "secret")); err != nil {
		t.Error(err)
	}
	wantError(t, resolve(file(f.host(), "expired")), Denied, "refuses access (401)")
	wantError(t, resolve(file("other.example", "secret")), Denied, "there are none for "+f.host())
	wantError(t, resolve(), Denied, "there are none for "+f.host())
	failed := errors.New("the helper has failed")
	err := resolve(func(o *Options) {
		o.Credentials = func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, failed }
	})
	if !errors.Is(err, failed) {
		t.Errorf("a helper that fails: %v", err)
	}
}

// Errors of the writer and of the context come as they are.
func TestCopyEnds(t *testing.T) {
	f := newFakeRegistry(t)
	f.module("1", []byte("the module"))
	c := f.client(t)
	artifact, err := c.Resolve(t.Context(), f.ref(t, "a:1"))
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	if err := c.Copy(t.Context(), artifact, 0, failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := c.Copy(ctx, artifact, 0, io.Discard); !errors.Is(err, cause) {
		t.Errorf("after the end: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A registry without TLS is told from one that does not answer: to try again would not help.
func TestPlainRegistry(t *testing.T) {
	f := newFakeRegistry(t)
	f.module("1", []byte("the module"))
	ref := f.ref(t, "a:1")
	client := New(Options{Registry: ref.Registry(), MaxBytes: 1 << 20})
	defer client.Close()
	_, err := client.Resolve(t.Context(), ref)
	wantError(t, err, Plain, "the registry has no TLS")
}
