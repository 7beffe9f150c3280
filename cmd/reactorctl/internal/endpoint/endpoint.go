// Package endpoint finds a daemon and what is needed to be let in by it, and connects to it.
//
// Find reads small files and looks at sockets; Dial does not block: the first call connects.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

// Wanted is what a command line says about the daemon; what is empty is looked for elsewhere.
type Wanted struct {
	Address   string
	Context   string // by name
	TokenFile string
}

// Endpoint is a daemon, and what it is to be shown.
type Endpoint struct {
	Address string // HOST:PORT or unix:PATH
	// Own tells that nobody named a daemon: it is the user's own one on this machine.
	Own bool

	token string
}

// Find finds the daemon that is wanted: the settings have the contexts, the environment has
// REACTORD_ADDR, REACTORD_TOKEN and REACTORD_TOKEN_FILE.
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
	e.token, err = e.findToken(w, c, getenv)
	return e, err
}

// ownSocket is where the user's own daemon listens, or would.
func ownSocket(getenv local.Getenv) (string, error) {
	paths, err := local.Sockets(getenv)
	if err != nil {
		return "", fmt.Errorf("no daemon is named, and %w: name one with --addr", err)
	}
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			return "unix://" + path, nil
		}
	}
	return "unix://" + paths[0], nil
}

// findToken is the token to show the daemon, or empty. What was given for one daemon is not shown to
// another: the environment's goes with no context that was named, and the one that this user's own
// daemon made goes to this machine only.
func (e *Endpoint) findToken(w Wanted, c settings.Context, getenv local.Getenv) (string, error) {
	switch {
	case w.TokenFile != "":
		return readToken(w.TokenFile)
	case w.Context == "" && getenv("REACTORD_TOKEN") != "":
		return strings.TrimSpace(getenv("REACTORD_TOKEN")), nil
	case w.Context == "" && getenv("REACTORD_TOKEN_FILE") != "":
		return readToken(getenv("REACTORD_TOKEN_FILE"))
	case c.TokenFile != "":
		return readToken(c.TokenFile)
	case isUnix(e.Address) || !isLoopback(e.Address):
		return "", nil
	}
	dir, err := local.StateDir(getenv)
	if err != nil {
		return "", nil //nolint:nilerr // no folder, no token
	}
	token, err := readToken(local.Token(dir))
	if err != nil {
		return "", nil //nolint:nilerr // the daemon will say whether it needs one
	}
	return token, nil
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("the token: %s does not hold one", path)
	}
	return token, nil
}

// Dial prepares a connection.
func (e *Endpoint) Dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	if !isUnix(e.Address) {
		if _, _, err := net.SplitHostPort(e.Address); err != nil {
			return nil, fmt.Errorf("address %q: %w; use HOST:PORT or unix:///PATH", e.Address, err)
		}
	}
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if e.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(e.token)))
	}
	conn, err := grpc.NewClient(target(e.Address), options...)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w; use HOST:PORT or unix:///PATH", e.Address, err)
	}
	return conn, nil
}

// Advice says what may help when nobody answers, by what is at the other end.
func (e *Endpoint) Advice() string {
	if !e.Own {
		return "start one with `reactord`, or name another with --addr, REACTORD_ADDR or --context"
	}
	path := strings.TrimPrefix(e.Address, "unix://")
	if _, err := os.Lstat(path); errors.Is(err, os.ErrPermission) {
		return "this socket is another user's: name a daemon with --addr, REACTORD_ADDR or --context"
	}
	return "start reactord, or name one with --addr, REACTORD_ADDR or --context"
}

// bearer is a token, as the metadata of each call has it.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

// target is the gRPC name of an address. A host is passed through to the dialer, so that no
// resolver of gRPC's own (and no proxy) stands between.
func target(address string) string {
	if isUnix(address) {
		return address
	}
	return "passthrough:///" + address
}

func isUnix(address string) bool { return strings.HasPrefix(address, "unix:") }

// isLoopback tells whether HOST:PORT cannot be another machine.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
