package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// checkExporter checks how a signal is sent.
func (e *environment) checkExporter(of signal) {
	if v := e.of(of, "PROTOCOL"); v.value != "" && v.value != "grpc" {
		e.fault(v, "%q is not supported: the daemon sends by grpc alone, to the port that a collector has for it, usually 4317", v.value)
	}
	if v := e.of(of, "COMPRESSION"); !slices.Contains([]string{"", "gzip", "none"}, v.value) {
		e.fault(v, "%q is neither gzip nor none", v.value)
	}
	e.checkTime(e.of(of, "TIMEOUT"), 1)
	e.checkHeaders(e.of(of, "HEADERS"))

	endpoint := e.of(of, "ENDPOINT")
	if endpoint.value == "" {
		endpoint.value = DefaultEndpoint
	}
	u, err := parseEndpoint(endpoint.value)
	if err != nil {
		e.fault(endpoint, "%v", err)
		return
	}
	e.checkInsecure(e.of(of, "INSECURE"), u.Scheme)
	// The variables of all signals are read also if a signal has its own.
	for _, prefix := range []string{exporterPrefix, exporterPrefix + string(of) + "_"} {
		e.checkFiles(prefix, u.Scheme)
	}
}

// parseEndpoint parses the address of a collector. Its error does not tell a password.
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.Scheme == "unix":
		err = checkSocket(u)
	case strings.Contains(text, "@"):
		return nil, errors.New("has a user or a password: a collector is told those in $" + exporterPrefix + "HEADERS")
	case err != nil:
		err = errors.New("is no URL, such as " + DefaultEndpoint)
	case u.Scheme != "http" && u.Scheme != "https":
		err = errors.New("has to begin with http:// or, for TLS, https://, as in " + DefaultEndpoint)
	default:
		err = checkAddress(u)
	}
	if err != nil {
		return nil, fmt.Errorf("%q %w", text, err)
	}
	return u, nil
}

func checkSocket(u *url.URL) error {
	if u.Host != "" || u.Path+u.Opaque == "" || u.RawQuery+u.Fragment != "" {
		return errors.New("is not unix:///PATH")
	}
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(u.Path+u.Opaque) > most {
		return fmt.Errorf("has a path of more than %d bytes, which no socket has", most)
	}
	return nil
}

// maxPort is the largest port of TCP.
const maxPort = 1<<16 - 1

// schemes are what gRPC takes a host for that is called so.
var schemes = []string{"dns", "passthrough", "unix", "unix-abstract"}

func checkAddress(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("names no host, as " + DefaultEndpoint + " does")
	}
	if strings.Contains(u.Host, "%") {
		return errors.New("has an address with a zone, which gRPC does not know")
	}
	if strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return errors.New("has more than a host and a port: gRPC knows no path")
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil || port == "" {
		return errors.New("names no port; that of collectors is usually 4317")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > maxPort {
		return fmt.Errorf("has the port %s: ports go from 1 to %d", port, maxPort)
	}
	if slices.Contains(schemes, strings.ToLower(u.Hostname())) {
		return fmt.Errorf("has the host %s, which has a meaning of its own for gRPC: write its full name with a dot at the end, or its address", u.Hostname())
	}
	return nil
}

// checkInsecure checks that what says whether there is TLS says what the endpoint does.
func (e *environment) checkInsecure(v variable, scheme string) {
	if e.checkSwitch(v) && v.value != "" && strings.EqualFold(v.value, "true") == (scheme == "https") {
		e.fault(v, "%q contradicts the endpoint, which begins with %s: https alone has TLS", v.value, scheme)
	}
}

// reserved are the headers that gRPC and HTTP/2 keep for themselves. gRPC leaves some of them out without a word.
var reserved = []string{
	"connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "user-agent",
}

// checkHeaders checks that headers can be metadata of gRPC. Its faults tell no names but those that are reserved: what has been taken for
// a name may be a secret.
func (e *environment) checkHeaders(v variable) {
	seen := map[string]bool{}
	for i, p := range e.pairs(v) {
		key := strings.ToLower(p.key)
		switch {
		case strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
			e.fault(v, "the name of header %d has other characters than letters, digits, and - _ .", i+1)
		case slices.Contains(reserved, key) || strings.HasPrefix(key, "grpc-"):
			e.fault(v, "header %d, %s, is one that gRPC keeps for itself", i+1, key)
		case seen[key]:
			e.fault(v, "header %d has the name of one before it", i+1)
		case !strings.HasSuffix(key, "-bin") && strings.ContainsFunc(p.value, func(r rune) bool { return r < ' ' || r > '~' }):
			e.fault(v, "the value of header %d has characters that are not printable ASCII", i+1)
		}
		seen[key] = true
	}
}

// checkFiles checks the certificates that the variables with a prefix name.
func (e *environment) checkFiles(prefix, scheme string) {
	authorities, cert, key := e.variable(prefix+"CERTIFICATE"), e.variable(prefix+"CLIENT_CERTIFICATE"), e.variable(prefix+"CLIENT_KEY")
	for _, v := range []variable{authorities, cert, key} {
		if v.value != "" && scheme != "https" {
			e.fault(v, "is for TLS, but the endpoint begins with %s and not with https", scheme)
			return
		}
	}
	if authorities.value != "" {
		if pem, ok := e.file(authorities); ok && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			e.fault(authorities, "%s has no certificate in PEM", authorities.value)
		}
	}
	e.checkClient(cert, key)
}

// checkClient checks the certificate of the daemon and its key.
func (e *environment) checkClient(cert, key variable) {
	switch {
	case cert.value == "" && key.value == "":
		return
	case cert.value == "":
		e.fault(key, "needs $%s with it", cert.name)
		return
	case key.value == "":
		e.fault(cert, "needs $%s with it", key.name)
		return
	}
	certPEM, ok := e.file(cert)
	keyPEM, ok2 := e.file(key)
	if !ok || !ok2 {
		return
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		e.fault(cert, "does not fit $%s: %v", key.name, err)
	}
}

// file reads the file that a variable names.
func (e *environment) file(v variable) ([]byte, bool) {
	text, err := e.read(v.value)
	if err != nil {
		e.fault(v, "%v", err)
	}
	return text, err == nil
}
