package oci

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"

	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// The bounds of what a registry may take.
const (
	// connectTime bounds a connection, and its handshake.
	connectTime = 10 * time.Second
	// answerTime bounds the wait for the head of an answer.
	answerTime = 30 * time.Second
	// stallTime is how long a transfer may bring nothing.
	stallTime = 30 * time.Second
	// maxHeaders bounds the head of an answer.
	maxHeaders = 64 << 10
	// maxRedirects is how many redirects are followed in a row.
	maxRedirects = 5
	// maxMetadata bounds a manifest, and any other answer that is no blob.
	maxMetadata = 4 << 20
)

// Options configures a Client.
type Options struct {
	// Registry is the registry that is spoken to: HOST[:PORT].
	Registry string
	// PlainHTTP does without TLS.
	PlainHTTP bool
	// Credentials finds the credentials for a registry; nil is none for any.
	Credentials Credentials
	// MaxBytes bounds the size of a module.
	MaxBytes int64
	// UserAgent is what requests say who sends them.
	UserAgent string
}

// Client speaks to one registry.
type Client struct {
	options   Options
	transport *http.Transport
	client    *auth.Client

	stall, pause time.Duration // shorter in tests
}

// New makes a client.
func New(options Options) *Client {
	c := &Client{options: options, stall: stallTime, pause: resumePause}
	guard := &guard{registry: hostOf(options.Registry)}
	c.transport = &http.Transport{
		Proxy:                  guard.proxy,
		DialContext:            guard.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTime,
		ResponseHeaderTimeout:  answerTime,
		MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost:        4,
		IdleConnTimeout:        answerTime,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // digests are of the bytes as they are stored
	}
	c.client = &auth.Client{
		Client:     &http.Client{Transport: &retry.Transport{Base: c.transport, Policy: retries}, CheckRedirect: checkRedirect},
		Credential: options.Credentials,
		Cache:      auth.NewCache(),
		Header:     http.Header{"User-Agent": {options.UserAgent}},
	}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// retries tries again what a registry says it may do later.
func retries() retry.Policy {
	return &retry.GenericPolicy{
		Retryable: retry.DefaultPredicate,
		Backoff:   retry.ExponentialBackoff(200*time.Millisecond, 2, 0.2),
		MinWait:   100 * time.Millisecond, MaxWait: 2 * time.Second, MaxRetry: 3,
	}
}

// repository is the library's view of the repository of a reference.
func (c *Client) repository(ref Reference) (*remote.Repository, error) {
	if ref.Registry() != c.options.Registry {
		return nil, fmt.Errorf("%s is not an artifact of %s", ref, c.options.Registry)
	}
	return &remote.Repository{
		Client: c.client, Reference: ref.ref, PlainHTTP: c.options.PlainHTTP,
		MaxMetadataBytes: maxMetadata, ReferrerListMaxPages: 4, SkipReferrersGC: true,
	}, nil
}

// checkRedirect lets a registry send its client elsewhere, as many do for blobs, but not from TLS to plain text. Plain text
// leads to the same host only.
func checkRedirect(to *http.Request, via []*http.Request) error {
	from := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return &astrayError{fmt.Sprintf("the registry leads on and on: more than %d redirects in a row", maxRedirects)}
	case to.URL.Scheme == "https":
		return nil
	case to.URL.Scheme == "http" && from.Scheme == "http" && to.URL.Hostname() == from.Hostname():
		return nil
	}
	return &astrayError{fmt.Sprintf("the registry leads to %s://%s, which is neither TLS nor its own host", to.URL.Scheme, to.URL.Host)}
}

// guard keeps connections from places where no registry would send its clients, unless the registry is there itself.
type guard struct {
	registry string // its host, without the port

	mu      sync.Mutex
	proxies []string // hosts that the environment has requests go through
}

// proxy is http.ProxyFromEnvironment, and notes what it says: a proxy may be anywhere.
func (g *guard) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !slices.Contains(g.proxies, u.Hostname()) {
			g.proxies = append(g.proxies, u.Hostname())
		}
	}
	return u, err
}

func (g *guard) trusts(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return host == g.registry || slices.Contains(g.proxies, host)
}

// dial connects, once the address is known that a name has led to.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTime}
	if !g.trusts(hostOf(address)) {
		dialer.Control = refuseOwn
	}
	return dialer.DialContext(ctx, network, address)
}

// own has the addresses of this machine and of what gives it its identity.
var own = auth.DefaultBlockedRealmPrefixes()

// translated is the range in which a network with IPv6 alone writes addresses of IPv4.
var translated = netip.MustParsePrefix("64:ff9b::/96")

func refuseOwn(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().WithZone("").Unmap()
	if translated.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	if slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return &astrayError{fmt.Sprintf("the registry leads to %s, an address of this machine or of its metadata service", ip)}
	}
	return nil
}

// hostOf returns the host of HOST[:PORT], as URLs have it.
func hostOf(address string) string { return (&url.URL{Host: address}).Hostname() }
