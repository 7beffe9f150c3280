package registries

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/reactord/reactord/cmd/internal/oci"
)

// newKey writes a public key to a file, and returns its id.
func newKey(t *testing.T, path Path) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	if err := os.WriteFile(string(path), text, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := oci.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key.ID()
}

// TestSigners: a signer is admitted as long as its key is in the files, or there are none.
func TestSigners(t *testing.T) {
	dir := t.TempDir()
	one, other := Path(filepath.Join(dir, "one")), Path(filepath.Join(dir, "other"))
	first, second := newKey(t, one), newKey(t, other)
	s, err := NewSigners([]Path{one, other})
	if err != nil {
		t.Fatal(err)
	}
	admits := func(when string, want ...bool) {
		t.Helper()
		for i, signer := range []string{first, second, ""} {
			if s.Admits(signer) != want[i] {
				t.Errorf("%s %q is admitted: %t", when, signer, !want[i])
			}
		}
	}
	accept := func(files ...Path) {
		t.Helper()
		keys, err := ReadKeys(files)
		if err != nil {
			t.Fatal(err)
		}
		s.Accept(files, keys)
	}
	admits("at first", true, true, false)
	accept(other)
	admits("of the other file", false, true, false)
	newKey(t, other)
	admits("before the files are read again", false, true, false)
	if _, err := s.read(); err != nil {
		t.Fatal(err)
	}
	admits("with a new key", false, false, false)
	accept(one)
	admits("of the first file", true, false, false)
	if err := os.Remove(string(one)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.read(); err == nil {
		t.Error("a key that is not there is read")
	}
	admits("whose file is gone", true, false, false)
	accept()
	admits("without keys", true, true, true)
}

func TestLaxer(t *testing.T) {
	for _, c := range []struct {
		before, after []Path
		want          bool
	}{
		{nil, nil, false},
		{nil, []Path{"a"}, false},
		{[]Path{"a"}, nil, true},
		{[]Path{"a", "b"}, []Path{"b"}, false},
		{[]Path{"a"}, []Path{"a", "b"}, true},
	} {
		if got := Laxer(c.before, c.after); got != c.want {
			t.Errorf("%v after %v: %t", c.after, c.before, got)
		}
	}
}
