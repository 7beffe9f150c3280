// Package endpoint finds a daemon and the credentials it asks for, and connects to it.
//
// Find and Check read small files, which may be pipes and block then, and inspect sockets. Find also looks up the name of an address
// that stands for several daemons, and tries which of them is there. Dial does not block: the first call connects. A token and a
// client's certificate are read from their files again when they are needed again.
package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

// Wanted is what a command line says about the daemon; an empty field is looked up elsewhere.
type Wanted struct {
	Address string
	Context string // by name
	settings.Access
}

// Endpoint is a daemon and the credentials for it.
type Endpoint struct {
	Address string // HOST:PORT or unix:PATH; of several daemons, that of the one that was chosen
	// Own is true if nobody named a daemon: it is the user's own daemon on this machine.
	Own bool

	token *token      // nil: none
	tls   *tls.Config // nil: plain text
}

// Find finds the daemon that is wanted, in the settings' contexts or in the environment: REACTORD_ADDR,
// REACTORD_TOKEN, REACTORD_TOKEN_FILE and the variables that begin with REACTORCTL_TLS_ (REACTORD_TLS_CERT is the
// daemon's own). A flag overrides a variable, and a variable overrides the context; but a context that was named
// overrides variables, which may be meant for another daemon.
func Find(w Wanted, s settings.Settings, getenv local.Getenv) (*Endpoint, error) {
	c, err := s.Daemon(w.Address, getenv("REACTORD_ADDR"), w.Context)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{Address: c.Address, Own: c.Address == ""}
	if e.Own {
		if e.Address, err = ownSocket(getenv); err != nil {
			return nil, err
		}
	}
	access := w.Access
	if w.Context == "" {
		access = access.Or(fromEnvironment(getenv))
	}
	name, several := strings.CutPrefix(e.Address, dnsScheme)
	e.Address = name
	if e.token, err = e.findToken(w, access.Or(c.Access), getenv); err != nil {
		return nil, err
	}
	if e.tls, err = e.findTLS(access.Or(c.Access)); err != nil || !several {
		return e, err
	}
	return e, e.choose()
}

func fromEnvironment(getenv local.Getenv) settings.Access {
	return settings.Access{
		TokenFile:     getenv("REACTORD_TOKEN_FILE"),
		TLSCA:         getenv("REACTORCTL_TLS_CA"),
		TLSCert:       getenv("REACTORCTL_TLS_CERT"),
		TLSKey:        getenv("REACTORCTL_TLS_KEY"),
		TLSServerName: getenv("REACTORCTL_TLS_SERVER_NAME"),
	}
}

// ownSocket returns the socket at which the user's own daemon listens, or would listen.
func ownSocket(getenv local.Getenv) (string, error) {
	paths, err := local.Sockets(getenv)
	if err != nil {
		return "", fmt.Errorf("no daemon is named, and %w: name one with --addr", err)
	}
	for _, path := range paths {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if err := local.CheckOwner(path); err != nil {
			return "", fmt.Errorf("no daemon is named, and at the place of your own, %w: name one with --addr, as in --addr unix://%s", err, path)
		}
		return "unix://" + path, nil
	}
	return "unix://" + paths[0], nil
}

// findToken returns the token for the daemon, or nil. A token for one daemon is not sent to another: the
// environment's is not used with a context that was named, and the token of this user's own daemon is sent only to
// this machine.
func (e *Endpoint) findToken(w Wanted, access settings.Access, getenv local.Getenv) (*token, error) {
	switch {
	case w.TokenFile != "":
		return tokenIn(w.TokenFile)
	case w.Context == "" && getenv("REACTORD_TOKEN") != "":
		return newToken(strings.TrimSpace(getenv("REACTORD_TOKEN")), ""), nil
	case access.TokenFile != "":
		return tokenIn(access.TokenFile)
	case isUnix(e.Address) || !isLoopback(e.Address):
		return nil, nil //nolint:nilnil // none
	}
	dir, err := local.StateDir(getenv)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // no folder, no token
	}
	found, err := tokenIn(local.Token(dir))
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // the daemon will say whether it needs one
	}
	return found, nil
}

// findTLS returns the TLS configuration. Another machine is spoken to in TLS, this one only if any flag
// or setting is about certificates; nil means plain text.
func (e *Endpoint) findTLS(access settings.Access) (*tls.Config, error) {
	given := access.TLSCA != "" || access.TLSCert != "" || access.TLSKey != "" || access.TLSServerName != ""
	switch {
	case isUnix(e.Address):
		return nil, nil //nolint:nilnil // plain text
	case given && access.InsecureNoTLS:
		return nil, errors.New("--insecure-no-tls contradicts the settings for certificates")
	case access.InsecureNoTLS || !given && isLoopback(e.Address):
		return nil, nil //nolint:nilnil // plain text
	case (access.TLSCert == "") != (access.TLSKey == ""):
		return nil, errors.New("a certificate and its key are needed together: --tls-cert and --tls-key")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: access.TLSServerName}
	if access.TLSCA != "" {
		pem, err := smallfile.Read(access.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("the daemon's authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the authority of the daemon's certificate: %s has no certificate in PEM", access.TLSCA)
		}
	}
	if access.TLSCert != "" {
		pair, err := loadPair(access.TLSCert, access.TLSKey, smallfile.Read)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		config.GetClientCertificate = renewed(&pair, access.TLSCert, access.TLSKey)
	}
	return config, nil
}

// renewed returns a function for the client's certificate that reads its files again. Where they have none, such as in a pipe or
// while they are being replaced, the last one is used.
func renewed(pair *tls.Certificate, certFile, keyFile string) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	var last atomic.Pointer[tls.Certificate]
	last.Store(pair)
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if now, err := loadPair(certFile, keyFile, smallfile.ReadRegular); err == nil {
			last.Store(&now)
		}
		return last.Load(), nil
	}
}

// loadPair is tls.LoadX509KeyPair with bounds.
func loadPair(certFile, keyFile string, read func(path string) ([]byte, error)) (tls.Certificate, error) {
	cert, err := read(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := read(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// Dial prepares a connection.
func (e *Endpoint) Dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	if !isUnix(e.Address) {
		if err := checkAddress(e.Address); err != nil {
			return nil, err
		}
	}
	transport := insecure.NewCredentials()
	if e.tls != nil {
		transport = credentials.NewTLS(e.tls)
	}
	options = append(options, grpc.WithTransportCredentials(transport))
	if e.token != nil {
		options = append(options, grpc.WithPerRPCCredentials(e.token))
	}
	conn, err := grpc.NewClient(target(e.Address), options...)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w; use HOST:PORT or unix:///PATH", e.Address, err)
	}
	return conn, nil
}

// checkAddress checks an address that is not a unix socket.
func checkAddress(address string) error {
	scheme, rest, ok := strings.Cut(address, "://")
	if ok {
		rest, _, _ = strings.Cut(rest, "/")
		return fmt.Errorf("%q is not an address: give HOST:PORT without %q, such as %s, or unix:///PATH (to other machines TLS is always used)",
			address, scheme+"://", rest)
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case strings.HasPrefix(address, "/") || strings.HasPrefix(address, "./"):
		return fmt.Errorf("%q is not an address: for a socket give unix:///PATH", address)
	case err != nil || port == "":
		return fmt.Errorf("%q is not an address: give HOST:PORT, such as localhost:7070, or unix:///PATH", address)
	case host == "":
		return fmt.Errorf("%q is not an address: it has no host; for this machine give localhost:%s", address, port)
	}
	if _, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil {
		return fmt.Errorf("%q is not an address: %q is not a port", address, port)
	}
	return nil
}

// Advice says what may help when nobody answers, given the error and what is at the other end.
func (e *Endpoint) Advice(why string) string {
	if e.tls != nil && !strings.Contains(why, "tls:") {
		why = tlsFault(e.Address, e.tls) // the daemon's reply may have been cut off by the call's own writes
	}
	switch {
	case e.tls != nil && strings.Contains(why, "first record does not look like a TLS handshake"):
		return "the daemon uses plain text: leave out the --tls flags, or for another machine add --insecure-no-tls"
	case e.tls != nil && strings.Contains(why, "x509:"):
		return "its certificate could not be verified: name its authority's file with --tls-ca, or the name in the certificate with --tls-server-name"
	case e.tls != nil && strings.Contains(why, "tls:"):
		return "it may require a client certificate from an authority of its own: give one with --tls-cert and --tls-key"
	case e.tls == nil && !isUnix(e.Address) && speaksTLS(e.Address):
		return "the daemon uses TLS: name the file with the authority of its certificate with --tls-ca"
	}
	if strings.Contains(why, "server preface") { // it accepted a connection, and said nothing or something else
		cause := strings.TrimSuffix(why, `"`)
		switch cutOff := strings.HasSuffix(cause, "connection reset by peer") || strings.HasSuffix(cause, "EOF"); {
		case !cutOff:
			return "something listens there, but it does not answer as a daemon does: compare the address"
		case e.listens():
			return "something listens there and has closed the connection: try again if a daemon is just ending or starting there, or compare the address"
		}
	}
	if _, err := os.Lstat(strings.TrimPrefix(e.Address, "unix://")); e.Own && errors.Is(err, os.ErrPermission) {
		return "this socket is another user's: name a daemon with --addr, REACTORD_ADDR or --context"
	}
	return "start one with `reactord`, or name another with --addr, REACTORD_ADDR or --context"
}

// listens reports whether anything listens at the address.
func (e *Endpoint) listens() bool {
	network, address := "tcp", e.Address
	if isUnix(address) {
		network, address = "unix", strings.TrimPrefix(strings.TrimPrefix(address, "unix:"), "//")
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// probeTime bounds the checks for what is at an address.
const probeTime = 2 * time.Second

// speaksTLS reports whether whatever listens at an address speaks TLS.
func speaksTLS(address string) bool {
	conn, err := dialTLS(address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // nothing is sent
	if err != nil {
		_, alerted := errors.AsType[tls.AlertError](err)
		return alerted
	}
	_ = conn.Close()
	return true
}

// tlsFault returns what either side objects to in a handshake, or nothing. It sends nothing after the
// handshake: the server may check the client's certificate only then.
func tlsFault(address string, config *tls.Config) string {
	conn, err := dialTLS(address, config.Clone())
	if err == nil {
		err = conn.SetReadDeadline(time.Now().Add(probeTime))
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		_ = conn.Close()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func dialTLS(address string, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	config.NextProtos = []string{"h2"}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
}

// target returns the gRPC name of an address. A host is passed through to the dialer, so that none of
// gRPC's own resolvers, and no proxy, is used.
func target(address string) string {
	if isUnix(address) {
		return address
	}
	return "passthrough:///" + address
}

func isUnix(address string) bool { return strings.HasPrefix(address, "unix:") }

// isLoopback reports whether HOST:PORT is certainly this machine.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
