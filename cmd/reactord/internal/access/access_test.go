package access

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/reactor/errs"
)

const secret = "0123456789abcdef0123456789abcdef"

func TestAdmit(t *testing.T) {
	guarded, open, tokenless := NewGate(newToken(secret)), NewOpenGate(), NewGate(nil)
	tcp := connection{}
	socket := func(uid int) connection { return connection{local: true, peer: &Peer{UID: uid, PID: 7}} }
	const call = "/reactor.v1.NodeService/GetNode"
	for _, tt := range []struct {
		name   string
		gate   *Gate
		from   connection
		method string
		header []string // of authorization
		want   string   // the identity, or part of the refusal
		ok     bool
	}{
		{"token", guarded, tcp, call, []string{"Bearer " + secret}, "token", true},
		{"scheme in other letters", guarded, tcp, call, []string{"bEARER " + secret}, "token", true},
		{"no token", guarded, tcp, call, nil, "requires the daemon's token", false},
		{"wrong token", guarded, tcp, call, []string{"Bearer x" + secret[1:]}, "not the daemon's token", false},
		{"shorter", guarded, tcp, call, []string{"Bearer " + secret[1:]}, "not the daemon's token", false},
		{"longer", guarded, tcp, call, []string{"Bearer " + secret + "0"}, "not the daemon's token", false},
		{"empty", guarded, tcp, call, []string{"Bearer "}, "requires the daemon's token", false},
		{"another scheme", guarded, tcp, call, []string{"Basic " + secret}, "requires the daemon's token", false},
		{"bare", guarded, tcp, call, []string{secret}, "requires the daemon's token", false},
		{"two tokens", guarded, tcp, call, []string{"Bearer wrong", "Bearer " + secret}, "requires the daemon's token", false},
		{"health", guarded, tcp, "/grpc.health.v1.Health/Check", nil, "anybody", true},
		{"a watch of health", guarded, tcp, "/grpc.health.v1.Health/Watch", nil, "anybody", true},
		{"what only looks like it", guarded, tcp, "/grpc.health.v1.Health/Check/", nil, "requires the daemon's token", false},
		{"reflection", guarded, tcp, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", nil, "requires the daemon's token", false},
		{"unknown method", guarded, tcp, "/no.Such/Method", nil, "requires the daemon's token", false},

		{"open", open, tcp, call, nil, "anybody", true},
		{"open, with somebody's token", open, tcp, call, []string{"Bearer x"}, "anybody", true},
		{"no token there is", tokenless, tcp, call, []string{"Bearer "}, "requires the daemon's token", false},

		{"own socket", guarded, socket(os.Geteuid()), call, nil, "process 7 of user", true},
		{"root at the socket", guarded, socket(0), call, nil, "process 7 of user 0", true},
		{"another user", guarded, socket(65534), call, nil, "serves only user", false},
		{"another user at an open daemon", open, socket(65534), call, nil, "serves only user", false},
		{"another user with the token", guarded, socket(65534), call, []string{"Bearer " + secret}, "token", true},
		{"a peer who is not known", guarded, connection{local: true}, call, nil, "serves only user", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: tt.from})
			ctx, err := tt.gate.Admit(ctx, tt.method, metadata.MD{"authorization": tt.header})
			switch {
			case tt.ok && (err != nil || !strings.HasPrefix(FromContext(ctx).String(), tt.want)):
				t.Errorf("let in as %v, %v; want %s", FromContext(ctx), err, tt.want)
			case !tt.ok && (errs.ClassOf(err) != errs.Unauthenticated || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want UNAUTHENTICATED and %q", err, tt.want)
			}
		})
	}
}

// A connection of which nothing is known is let in nowhere without a token.
func TestAdmitUnknown(t *testing.T) {
	if _, err := NewGate(newToken(secret)).Admit(t.Context(), "/a/B", nil); errs.ClassOf(err) != errs.Unauthenticated {
		t.Errorf("got %v", err)
	}
}

func TestMakeToken(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(dir, "token")
	token, err := LoadToken(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("it is %v, %v; want mode 600", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	given := strings.TrimSpace(string(text))
	if raw, err := base64.RawURLEncoding.DecodeString(given); err != nil || len(raw) != 32 {
		t.Errorf("%q is not 256 bits: %v", given, err)
	}
	if !token.Equal(given) || token.Equal(given+"=") || token.Equal("") {
		t.Error("it is not the token that the file has")
	}
	again, err := LoadToken(path)
	if err != nil || !again.same(token) {
		t.Errorf("the next start has another: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".token*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Daemons that start at once have one token.
func TestMakeTokenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	var tokens [8]*Token
	var wait sync.WaitGroup
	for i := range tokens {
		wait.Go(func() {
			var err error
			if tokens[i], err = LoadToken(path); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, token := range tokens {
		if token == nil || !token.same(tokens[0]) {
			t.Fatal("two tokens were made")
		}
	}
}

func TestTokenFileIsChecked(t *testing.T) {
	write := func(text string, mode os.FileMode) func(string) error {
		return func(path string) error {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	for _, tt := range []struct {
		name string
		make func(path string) error
		want string // empty: it is taken
	}{
		{"somebody else's", write(secret+"\n", 0o600), ""},
		{"read-only", write(secret, 0o400), ""},
		{"for the group to read", write(secret, 0o640), "mode 0640"},
		{"for others to write", write(secret, 0o602), "mode 0602"},
		{"empty", write("", 0o600), "0 characters"},
		{"short", write("letmein", 0o600), "7 characters"},
		{"huge", write(strings.Repeat("x", 5000), 0o600), "characters"},
		{"two lines", write(secret+"\n"+secret, 0o600), "not allowed in metadata"},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		{"a link", func(path string) error { return os.Symlink("/etc/hostname", path) }, "token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			_, err := LoadToken(path)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTokenFileOfAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadToken(path); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("got %v", err)
	}
}

func TestPeerOf(t *testing.T) {
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	_, info, err := Transport(nil).ServerHandshake(served)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.(connection); !got.local || got.peer == nil || *got.peer != (Peer{UID: os.Getuid(), PID: os.Getpid()}) {
		t.Errorf("the peer is %+v", info)
	}
}

// What comparing takes must not depend on how much of the token is right; a length that differs
// costs a hash, and the comparison is of two hashes whatever it is.
func BenchmarkEqual(b *testing.B) {
	token := newToken(secret)
	for name, given := range map[string]string{"right": secret, "wrong at once": "x" + secret[1:], "wrong in the end": secret[:31] + "x"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				token.Equal(given)
			}
		})
	}
}
