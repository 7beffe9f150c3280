package client

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Target is what a request is to, as Access decides about it.
type Target struct {
	Method string
	Scheme string // http or https
	Host   string // a name in its canonical form, or an address
	Port   uint16
	Path   string // decoded, and beginning with "/"; "*" for the server as a whole
	raw    string // the path with the query, as it is sent
}

// Origin returns SCHEME://HOST[:PORT], without the scheme's own port.
func (t *Target) Origin() string {
	address := t.address()
	if t.Port == defaultPorts[t.Scheme] {
		address = address[:strings.LastIndexByte(address, ':')]
	}
	return t.Scheme + "://" + address
}

func (t *Target) address() string { return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port))) }

// Address returns the target's address, if its host is one.
func (t *Target) Address() (at netip.AddrPort, ok bool) {
	addr, ok := network.Literal(t.Host)
	return netip.AddrPortFrom(addr, t.Port), ok
}

// defaultPorts are those of the schemes.
var defaultPorts = map[string]uint16{"http": 80, "https": 443}

func fault(code wasihttp.Code) *wasihttp.Error { return &wasihttp.Error{Code: code} }

// targetOf returns the target of a request. The error is an *wasihttp.Error.
func targetOf(r *wasihttp.Request) (*Target, error) {
	t := &Target{Method: r.Method, Scheme: r.Scheme}
	if t.Scheme == "" {
		t.Scheme = "https"
	}
	t.Port = defaultPorts[t.Scheme]
	switch {
	case t.Port == 0 || r.Authority == "" || strings.Contains(r.Authority, "@"):
		return nil, fault(wasihttp.RequestURIInvalid)
	case r.Method == http.MethodConnect:
		return nil, fault(wasihttp.RequestMethodInvalid)
	}
	if err := t.setHost(r.Authority); err != nil {
		return nil, err
	}
	return t, t.setPath(r.PathWithQuery)
}

func (t *Target) setHost(authority string) error {
	host := authority
	if name, port, err := net.SplitHostPort(authority); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fault(wasihttp.RequestURIInvalid)
		}
		host, t.Port = name, uint16(n)
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if addr, ok := network.Literal(host); ok {
		t.Host = addr.String()
		return nil
	}
	name, err := network.HostName(host)
	if err != nil {
		return fault(wasihttp.RequestURIInvalid)
	}
	t.Host = name
	return nil
}

// setPath sets what is sent as the target of the request. Bytes that are none of a URI are escaped.
func (t *Target) setPath(path string) error {
	switch {
	case path == "" || path[0] == '?':
		path = "/" + path
	case path == "*" && t.Method == http.MethodOptions:
	case path[0] != '/':
		return fault(wasihttp.RequestURIInvalid)
	}
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	t.raw = b.String()
	plain, _, _ := strings.Cut(t.raw, "?")
	decoded, err := url.PathUnescape(plain)
	if err != nil { // servers see different things in it
		return fault(wasihttp.RequestURIInvalid)
	}
	t.Path = decoded
	return nil
}

// url returns the target for net/http.
func (t *Target) url() *url.URL {
	u := &url.URL{Scheme: t.Scheme, Host: t.address()}
	if !strings.HasPrefix(t.raw, "//") {
		u.Opaque = t.raw // as it is
		return u
	}
	u.Path = t.Path
	raw, query, has := strings.Cut(t.raw, "?")
	u.RawPath, u.RawQuery, u.ForceQuery = raw, query, has
	return u
}
