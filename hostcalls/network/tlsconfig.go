package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// TLSOptions say how a client speaks TLS.
type TLSOptions struct {
	ServerName  string   // the name, or address, that the server's certificate must have
	CA          []byte   // certificates in PEM that sign the server's; nil: those that the system trusts
	Certificate []byte   // the client's own, in PEM; nil: none
	Key         []byte   // the key of Certificate, in PEM
	ALPN        []string // application protocols to offer, the preferred one first
}

// Config checks the options and returns them in the form of crypto/tls. It may block, to read what the system trusts.
func (o TLSOptions) Config() (*tls.Config, error) {
	config := &tls.Config{ServerName: o.ServerName, NextProtos: o.ALPN, MinVersion: tls.VersionTLS12}
	var faults []error
	if o.ServerName == "" {
		faults = append(faults, errors.New("the server's name is missing"))
	}
	if o.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(o.CA) {
			faults = append(faults, errors.New("the CA has no certificate in PEM"))
		}
	}
	if o.Certificate != nil || o.Key != nil {
		pair, err := tls.X509KeyPair(o.Certificate, o.Key)
		if err != nil {
			faults = append(faults, fmt.Errorf("the client's certificate and key: %s", strings.TrimPrefix(err.Error(), "tls: ")))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return config, nil
}

// TLSError says why TLS could not begin, or why the server ended it with an alert.
type TLSError struct {
	Server string // the name that was expected
	Reason string
	Err    error
}

func (e *TLSError) Error() string { return fmt.Sprintf("TLS with %s: %s", e.Server, e.Reason) }

func (e *TLSError) Unwrap() error { return e.Err }

// explainTLS says in plain words why a handshake failed. What the peer has chosen is quoted, and cut.
func explainTLS(err error, server string) error {
	e := &TLSError{Server: server, Err: err}
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason, e.Err = fmt.Sprintf("no answer within %v", handshakeTimeout), syscall.ETIMEDOUT
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		e.Reason = "the server ended the connection"
	case errors.As(err, &record):
		e.Reason = "the server does not speak TLS"
	default:
		if alert := alertOf(err); alert != "" {
			e.Reason = "the server refused: " + alert
		} else if e.Reason = certificateFault(err, server); e.Reason == "" {
			e.Reason = strings.TrimPrefix(err.Error(), "tls: ")
		}
	}
	return e
}

// explainAlert returns the error for a connection that err ended after its handshake: a *TLSError if that is an alert of the
// server.
func explainAlert(err error, server string) error {
	if alertOf(err) == "" {
		return err
	}
	return explainTLS(err, server)
}

// alertOf returns what the peer's alert says; empty if err is none.
func alertOf(err error) string {
	alert, ok := errors.AsType[*net.OpError](err) // crypto/tls has it so
	if !ok || alert.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(alert.Err.Error(), "tls: ")
}

const (
	shownNames = 5  // of a certificate
	shownName  = 80 // bytes of each
)

// certificateFault says why a certificate does not verify; empty if that is not what is wrong.
func certificateFault(err error, server string) string {
	var (
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("its certificate is for %s, not for %s", namesOf(name.Certificate), server)
	case errors.As(err, &authority):
		issuer := "somebody"
		if authority.Cert != nil {
			issuer = quoted(authority.Cert.Issuer.String())
		}
		return fmt.Sprintf("its certificate is signed by %s, which is not trusted", issuer)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if now := time.Now(); now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf("its certificate is not valid before %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339))
		}
		return fmt.Sprintf("its certificate was valid until %s", invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &invalid):
		return "its certificate does not verify: " + strings.TrimPrefix(invalid.Error(), "x509: ")
	default:
		var verification *tls.CertificateVerificationError
		if errors.As(err, &verification) {
			return "its certificate does not verify: " + quoted(strings.TrimPrefix(verification.Err.Error(), "x509: "))
		}
		return ""
	}
}

func namesOf(c *x509.Certificate) string {
	var names []string
	for _, name := range c.DNSNames {
		names = append(names, quoted(name))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch more := len(names) - shownNames; {
	case len(names) == 0:
		return "no name"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownNames], ", "), more)
	default:
		return strings.Join(names, ", ")
	}
}

func quoted(text string) string { return fmt.Sprintf("%q", text[:min(len(text), shownName)]) }
