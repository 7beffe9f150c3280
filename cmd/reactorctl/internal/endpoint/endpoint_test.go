package endpoint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

// find finds a daemon for a user with nothing in the environment.
func find(t *testing.T, w Wanted) (*Endpoint, error) {
	t.Helper()
	home := t.TempDir()
	return Find(w, settings.Settings{}, func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	})
}

// Of several daemons one is chosen that is there, and its certificate is for the name.
func TestChoose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for range 4 { // localhost leads to ::1, too, where nobody is
		e, err := find(t, Wanted{Address: "dns:///localhost:" + port, Access: settings.Access{TLSServerName: "given"}})
		if err != nil || e.Address != "127.0.0.1:"+port || e.tls.ServerName != "given" {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate, _ := newPair(t, 1)
	write(t, ca, certificate)
	e, err := find(t, Wanted{Address: "dns:///localhost:" + port, Access: settings.Access{TLSCA: ca}})
	if err != nil || e.tls.ServerName != "localhost" {
		t.Errorf("%+v, %v", e, err)
	}
	for address, want := range map[string]string{
		"dns:///": "is not an address", "dns:///localhost": "is not an address", "dns:///nonesuch.invalid:1": "the daemons at dns:///nonesuch.invalid:1",
		"dns:///unix:/run/s": "is not an address",
	} {
		if e, err := find(t, Wanted{Address: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", address, e, err, want)
		}
	}
}

// A token that is replaced counts from the next call on; a file that is gone, or being written, does not take it away.
func TestTokenIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "one\n")
	e, err := find(t, Wanted{Address: "127.0.0.1:1", Access: settings.Access{TokenFile: file}})
	if err != nil {
		t.Fatal(err)
	}
	wantToken := func(want string) {
		t.Helper()
		if sent, err := e.token.GetRequestMetadata(t.Context()); err != nil || sent["authorization"] != "Bearer "+want {
			t.Errorf("sent %v, %v; want %s", sent, err, want)
		}
	}
	wantToken("one")
	write(t, file, "two\n")
	wantToken("two")
	write(t, file, "")
	wantToken("two")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantToken("two")
}

// A client's certificate that is replaced is shown from the next connection on.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	put := func(serial int64) {
		t.Helper()
		certificate, private := newPair(t, serial)
		write(t, cert, certificate)
		write(t, key, private)
	}
	put(1)
	e, err := find(t, Wanted{Address: "127.0.0.1:1", Access: settings.Access{TLSCert: cert, TLSKey: key}})
	if err != nil {
		t.Fatal(err)
	}
	wantSerial := func(want int64) {
		t.Helper()
		shown, err := e.tls.GetClientCertificate(nil)
		if err != nil || shown.Leaf.SerialNumber.Int64() != want {
			t.Errorf("%+v, %v; want number %d", shown, err, want)
		}
	}
	wantSerial(1)
	put(2)
	wantSerial(2)
	write(t, key, "half of a ke")
	wantSerial(2)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newPair makes a certificate and its key, PEM.
func newPair(t *testing.T, serial int64) (certificate, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "a client"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}
