package network_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

const serverName = "db.example.org"

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue returns a certificate and its key in PEM. change alters it.
func (a *authority) issue(t testing.TB, change func(*x509.Certificate)) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{serverName},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(1000 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func (a *authority) serverConfig(t testing.TB, change func(*x509.Certificate)) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(a.issue(t, change))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

func (a *authority) clientConfig(t testing.TB) *tls.Config {
	t.Helper()
	config, err := network.TLSOptions{ServerName: serverName, CA: a.pem()}.Config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestTLSVerification(t *testing.T) {
	a, other := newAuthority(t, "ours"), newAuthority(t, "theirs")
	many := func(c *x509.Certificate) {
		c.DNSNames = nil
		for i := range 300 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("host-%d.example.org", i))
		}
	}
	for name, test := range map[string]struct {
		server *tls.Config
		want   string
	}{
		"another name":   {a.serverConfig(t, func(c *x509.Certificate) { c.DNSNames = []string{"web.example.org"} }), `its certificate is for "web.example.org", not for db.example.org`},
		"many names":     {a.serverConfig(t, many), `"host-4.example.org" and 295 more, not for db.example.org`},
		"no name":        {a.serverConfig(t, func(c *x509.Certificate) { c.DNSNames = nil }), "its certificate is for no name, not for"},
		"expired":        {a.serverConfig(t, func(c *x509.Certificate) { c.NotAfter = time.Unix(1e9, 0) }), "its certificate was valid until 2001-09-09T01:46:40Z"},
		"not yet valid":  {a.serverConfig(t, func(c *x509.Certificate) { c.NotBefore = time.Unix(4e9, 0); c.NotAfter = time.Unix(5e9, 0) }), "its certificate is not valid before 2096-10-02T07:06:40Z"},
		"other CA":       {other.serverConfig(t, nil), `its certificate is signed by "CN=theirs", which is not trusted`},
		"for clients":    {a.serverConfig(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "its certificate does not verify"},
		"asks for ours":  {&tls.Config{Certificates: a.serverConfig(t, nil).Certificates, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, "the server refused"},
		"no application": {&tls.Config{Certificates: a.serverConfig(t, nil).Certificates, NextProtos: []string{"h2"}}, "the server refused: no application protocol"},
		"old":            {&tls.Config{Certificates: a.serverConfig(t, nil).Certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "the server refused: protocol version not supported"}, //nolint:gosec // what is refused
	} {
		t.Run(name, func(t *testing.T) {
			s := networktest.New()
			l := listen(t, s, "127.0.0.1:443")
			var serving sync.WaitGroup
			serving.Go(func() {
				c := accept(t, l)
				_ = tls.Server(networktest.NetConn(c), test.server).Handshake()
				_ = c.Close()
			})
			config := a.clientConfig(t)
			config.NextProtos = []string{"postgresql"}
			conn, err := dialTLS(t, s, "127.0.0.1:443", config)
			serving.Wait()
			refused, ok := errors.AsType[*network.TLSError](err)
			if !ok || conn != nil || !strings.Contains(err.Error(), test.want) || refused.Server != serverName {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if err != nil && len(err.Error()) > 600 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestTLSNoServer(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(c network.TCP)
		want  string
		is    error
	}{
		"ends at once":       {func(c network.TCP) { _ = c.Close() }, "the server ended the connection", nil},
		"speaks HTTP":        {func(c network.TCP) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "the server does not speak TLS", nil},
		"never answers":      {func(network.TCP) {}, "no answer within 10s", syscall.ETIMEDOUT},
		"stops in a message": {func(c network.TCP) { _, _ = c.Write([]byte{22, 3, 3, 0, 100, 2, 0}) }, "no answer within 10s", syscall.ETIMEDOUT},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := networktest.New()
				l := listen(t, s, "127.0.0.1:443")
				var serving sync.WaitGroup
				serving.Go(func() { test.serve(accept(t, l)) })
				_, err := dialTLS(t, s, "127.0.0.1:443", newAuthority(t, "test").clientConfig(t))
				serving.Wait()
				if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error is %v, want %q", err, test.want)
				}
			})
		})
	}
}

// A cancel ends the handshake with a silent server at once, and the connection.
func TestTLSCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		l := listen(t, s, "127.0.0.1:443")
		config := newAuthority(t, "test").clientConfig(t)
		var err error
		task := spawn(t, func(c *hostcalls.Call, _ *driver.Driver) {
			raw, dialErr := network.Dial(c, s, nil, "127.0.0.1:443", nil)
			if dialErr != nil {
				t.Error(dialErr)
				return
			}
			_, err = network.ClientTLS(c, raw, nil, config)
		})
		server := accept(t, l)
		synctest.Wait()
		ops := task.call.AppendOps(nil)
		if len(ops) != 1 || ops[0].Kind != hostcalls.OpHandshake || ops[0].Target != "127.0.0.1:443" {
			t.Errorf("it waits for %+v", ops)
		}
		begin := time.Now()
		task.Cancel(errStop)
		task.wait()
		if !errors.Is(err, errStop) || time.Since(begin) != 0 {
			t.Errorf("error is %v after %v", err, time.Since(begin))
		}
		if _, hangup := server.Level(network.In); !hangup {
			t.Error("the connection is still open")
		}
	})
}

func TestTLSClientCertificateAndALPN(t *testing.T) {
	a := newAuthority(t, "test")
	server := a.serverConfig(t, nil)
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	server.ClientCAs.AddCert(a.cert)
	server.NextProtos = []string{"postgresql"}
	cert, key := a.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = "guest" })
	config, err := network.TLSOptions{ServerName: serverName, CA: a.pem(), Certificate: cert, Key: key, ALPN: []string{"postgresql"}}.Config()
	if err != nil {
		t.Fatal(err)
	}
	s := networktest.New()
	l := listen(t, s, "127.0.0.1:443")
	var serving sync.WaitGroup
	serving.Go(func() {
		c := tls.Server(networktest.NetConn(accept(t, l)), server)
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Error(err)
			return
		}
		if state := c.ConnectionState(); state.NegotiatedProtocol != "postgresql" || state.PeerCertificates[0].Subject.CommonName != "guest" {
			t.Errorf("protocol %q of %v", state.NegotiatedProtocol, state.PeerCertificates[0].Subject)
		}
		_ = c.Close()
	})
	conn, err := dialTLS(t, s, "127.0.0.1:443", config)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, conn); got != "hello" || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v", got, err)
	}
	_ = conn.Close()
	serving.Wait()
}

// In TLS 1.3 the client is done before the server has looked at its certificate.
func TestTLSClientCertificateMissing(t *testing.T) {
	a := newAuthority(t, "test")
	server := a.serverConfig(t, nil)
	server.ClientAuth, server.MinVersion = tls.RequireAndVerifyClientCert, tls.VersionTLS13
	s := networktest.New()
	l := listen(t, s, "127.0.0.1:443")
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := tls.Server(networktest.NetConn(accept(t, l)), server).Handshake(); err == nil {
			t.Error("the server takes a client without a certificate")
		}
	})
	conn, err := dialTLS(t, s, "127.0.0.1:443", a.clientConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	const want = "TLS with " + serverName + ": the server refused: certificate required"
	for range 2 {
		_, err := readAll(t, conn)
		if refused, ok := errors.AsType[*network.TLSError](err); !ok || refused.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_ = conn.Close()
	serving.Wait()
}

func TestTLSOptionsFaults(t *testing.T) {
	a := newAuthority(t, "test")
	cert, _ := a.issue(t, nil)
	_, otherKey := a.issue(t, nil)
	_, err := network.TLSOptions{CA: []byte("no PEM"), Certificate: cert, Key: otherKey}.Config()
	for _, want := range []string{"the server's name is missing", "the CA has no certificate in PEM", "private key does not match"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	if _, err := (network.TLSOptions{ServerName: "x", Certificate: cert}).Config(); err == nil {
		t.Error("a certificate without a key is accepted")
	}
}
