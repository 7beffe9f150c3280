package endpoint

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/smallfile"
)

// token is a token in the metadata of each call.
type token struct {
	path string // of its file, which may get another one; or empty
	last atomic.Pointer[string]
}

func newToken(text, path string) *token {
	t := &token{path: path}
	t.last.Store(&text)
	return t
}

// tokenIn reads a token.
func tokenIn(path string) (*token, error) {
	content, err := smallfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	text, ok := parseToken(content)
	if !ok {
		return nil, fmt.Errorf("the token: %s does not hold one", path)
	}
	return newToken(text, path), nil
}

func parseToken(content []byte) (text string, ok bool) {
	text = local.FirstToken(content)
	return text, text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// GetRequestMetadata implements credentials.PerRPCCredentials. It reads the file again, since a token may be valid for less time
// than a command takes, as those of Kubernetes' service accounts are. Where there is none, such as in a pipe, the last one is used.
func (t *token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if t.path != "" {
		if content, err := smallfile.ReadRegular(t.path); err == nil {
			if renewed, ok := parseToken(content); ok {
				t.last.Store(&renewed)
			}
		}
	}
	return map[string]string{"authorization": "Bearer " + *t.last.Load()}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (*token) RequireTransportSecurity() bool { return false }
