package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// keeper permits everything, and has secrets.
type keeper map[capability.Reference][]byte

func (keeper) Dir(path string) (string, error)                 { return path, nil }
func (keeper) Listen(netip.AddrPort) error                     { return nil }
func (keeper) Connect(string, netip.AddrPort) error            { return nil }
func (k keeper) Secret(r capability.Reference) ([]byte, error) { return k[r], nil }

// selfSigned makes a certificate for this machine, and its key.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// With a certificate both versions are served over TLS, and the component sees that; other clients are told.
func TestTLS(t *testing.T) {
	certificate, key := selfSigned(t)
	const certificateIs, keyIs = "file:/certificate", "file:/key"
	r := start(t, abi.Service{Certificate: certificateIs, Key: keyIs}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		reply(store, x, x.Request.Scheme)
		return nil, nil
	}), func(c *abi.Config) { c.Permit = keeper{certificateIs: certificate, keyIs: key} })
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == "HTTP/1.1")
		protocols.SetHTTP2(version == "HTTP/2.0")
		transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{RootCAs: trusted}}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport}
		for range 2 {
			resp, err := client.Get("https://" + r.address)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(b) != "https" || err != nil || resp.Proto != version || resp.TLS.Version < tls.VersionTLS13 {
				t.Errorf("%s: %q, %v", resp.Proto, b, err)
			}
		}
		// The rest of a body that nobody reads closes the connection of HTTP/1 after the response.
		resp, err := client.Post("https://"+r.address, "text/plain", strings.NewReader(strings.Repeat("a", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); string(b) != "https" || err != nil {
			t.Errorf("with a body that nobody reads: %q, %v", b, err)
		}
		_ = resp.Body.Close()
	}
	if got := r.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 400 ") {
		t.Errorf("a client without TLS got %q", got)
	}
	old := &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // it is to be refused
	if c, err := tls.Dial("tcp", r.address, old); err == nil {
		_ = c.Close()
		t.Error("a client with TLS 1.1 is served")
	}
}
