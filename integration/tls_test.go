package integration

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// files are those of one certificate.
type files struct{ cert, key string }

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	return files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

func (f files) flags() []string { return []string{"--tls-cert=" + f.cert, "--tls-key=" + f.key} }

// pair is what a client shows.
func (f files) pair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func overTLS(config *tls.Config) []grpc.DialOption {
	return []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(config))}
}

// serial is the serial number of the certificate that a daemon shows.
func serial(t *testing.T, address string, authority *testkit.Authority) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority.Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// With a certificate the daemon serves other machines too, still for the token only; reactorctl says what
// is missing.
func TestTLS(t *testing.T) {
	authority, other := testkit.NewAuthority(t), testkit.NewAuthority(t)
	f, stranger := newFiles(t), newFiles(t)
	authority.Issue("reactord.test", f.cert, f.key)
	other.Issue("stranger", stranger.cert, stranger.key)
	dir := t.TempDir()
	trusting := overTLS(&tls.Config{RootCAs: authority.Pool()})
	d := testkit.StartGuarded(t, dir, trusting, append(f.flags(), "--listen=127.0.0.1:0", "--listen=0.0.0.0:0")...)
	if strings.Contains(d.Log(), `"level":"warn"`) {
		t.Errorf("the log warns:\n%s", d.Log())
	}
	_, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{})
	refusal{codes.Unauthenticated, "UNAUTHENTICATED", "token", ""}.check(t, err)
	if _, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.PerRPCCredentials(bearer(token(t, dir)))); err != nil {
		t.Error(err)
	}
	plain := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0")
	home, tokenFile := t.TempDir(), filepath.Join(dir, "token")
	for _, tt := range []struct {
		name   string
		env    []string
		args   []string
		status int
		says   string
	}{
		{"all there", nil, []string{"--addr", d.Address, "--tls-ca", authority.File, "--token-file", tokenFile}, 0, "pending"},
		{"by name", nil, []string{"--addr", d.Address, "--tls-ca", authority.File, "--tls-server-name", "reactord.test", "--token-file", tokenFile}, 0, "pending"},
		{"by variables", []string{"REACTORCTL_TLS_CA=" + authority.File, "REACTORD_TOKEN_FILE=" + tokenFile}, []string{"--addr", d.Address}, 0, "pending"},
		{"no TLS", nil, []string{"--addr", d.Address, "--token-file", tokenFile}, 125, "the daemon uses TLS: name the file with the authority of its certificate with --tls-ca"},
		{"another authority", nil, []string{"--addr", d.Address, "--tls-ca", other.File, "--token-file", tokenFile}, 125, "with --tls-ca"},
		{"the system's", nil, []string{"--addr", d.Address, "--tls-server-name", "reactord.test", "--token-file", tokenFile}, 125, "with --tls-ca"},
		{"another name", nil, []string{"--addr", d.Address, "--tls-ca", authority.File, "--tls-server-name", "else", "--token-file", tokenFile}, 125, "--tls-server-name"},
		{"no token", nil, []string{"--addr", d.Address, "--tls-ca", authority.File}, 125, "--token-file"},
		{"a daemon without TLS", nil, []string{"--addr", plain.Address, "--tls-ca", authority.File}, 125, "uses plain text"},
		{"both", nil, []string{"--addr", d.Address, "--tls-ca", authority.File, "--insecure-no-tls"}, 125, "contradicts"},
		{"no key", nil, []string{"--addr", d.Address, "--tls-cert", f.cert}, 125, "--tls-key"},
		{"no such file", nil, []string{"--addr", d.Address, "--tls-ca", "/none"}, 125, "/none"},
		{"nothing of that", nil, []string{"--addr", d.Address, "--tls-ca", f.key}, 125, "no certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(testkit.Binary(t, "reactorctl"), append([]string{"status"}, tt.args...)...)
			cmd.Env = environment(home, tt.env...)
			out, _ := cmd.CombinedOutput()
			if status := cmd.ProcessState.ExitCode(); status != tt.status || !strings.Contains(string(out), tt.says) {
				t.Errorf("status %d, want %d and %q\n%s", status, tt.status, tt.says, out)
			}
		})
	}
}

// A context has all that is needed for a daemon.
func TestTLSContext(t *testing.T) {
	authority := testkit.NewAuthority(t)
	f := newFiles(t)
	authority.Issue("reactord.test", f.cert, f.key)
	dir, home := t.TempDir(), t.TempDir()
	d := testkit.StartGuarded(t, dir, overTLS(&tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{f.pair(t)}}),
		append(f.flags(), "--listen=127.0.0.1:0", "--tls-client-ca="+authority.File)...)
	for _, args := range [][]string{
		{"context", "set", "lab", d.Address, "--tls-ca", authority.File, "--tls-cert", f.cert, "--tls-key", f.key, "--token-file", filepath.Join(dir, "token")},
		{"status", "--context", "lab"},
		{"status"},
	} {
		cmd := exec.Command(testkit.Binary(t, "reactorctl"), args...)
		cmd.Env = environment(home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// A renewed certificate is shown without a restart. One that is of no use is told of once, and the old
// one stays until there is a better one.
func TestTLSReload(t *testing.T) {
	authority := testkit.NewAuthority(t)
	f := newFiles(t)
	first := authority.Issue("reactord.test", f.cert, f.key)
	d := testkit.StartGuarded(t, t.TempDir(), overTLS(&tls.Config{RootCAs: authority.Pool()}), append(f.flags(), "--listen=127.0.0.1:0")...)
	if got := serial(t, d.Address, authority); got != first {
		t.Fatalf("it shows %d, want %d", got, first)
	}
	second := authority.Issue("reactord.test", f.cert, f.key)
	if got := serial(t, d.Address, authority); got != second {
		t.Errorf("after a renewal it shows %d, want %d", got, second)
	}
	if err := os.WriteFile(f.cert, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if got := serial(t, d.Address, authority); got != second {
			t.Errorf("with a broken file it shows %d, want %d", got, second)
		}
	}
	until(t, "that is told", func() bool { return strings.Contains(d.Log(), "cannot be used") })
	if n := strings.Count(d.Log(), "cannot be used"); n != 1 {
		t.Errorf("that was told %d times\n%s", n, d.Log())
	}
	if err := os.Remove(f.cert); err != nil { // another fault, so it is told again
		t.Fatal(err)
	}
	if got := serial(t, d.Address, authority); got != second {
		t.Errorf("without a file it shows %d, want %d", got, second)
	}
	third := authority.Issue("reactord.test", f.cert, f.key)
	if got := serial(t, d.Address, authority); got != third {
		t.Errorf("after it was mended it shows %d, want %d", got, third)
	}
}

// Clients need a certificate of the right authority, and the token all the same.
func TestTLSClientCA(t *testing.T) {
	authority, clients := testkit.NewAuthority(t), testkit.NewAuthority(t)
	f, good, bad := newFiles(t), newFiles(t), newFiles(t)
	authority.Issue("reactord.test", f.cert, f.key)
	clients.Issue("ada", good.cert, good.key)
	authority.Issue("mallory", bad.cert, bad.key) // of the server's authority, not of the clients'
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, overTLS(&tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{good.pair(t)}}),
		append(f.flags(), "--listen=127.0.0.1:0", "--tls-client-ca="+clients.File, "--log-level=debug")...)
	for _, tt := range []struct {
		name  string
		certs []tls.Certificate
		token bool
		want  codes.Code
	}{
		{"certificate and token", []tls.Certificate{good.pair(t)}, true, codes.OK},
		{"certificate alone", []tls.Certificate{good.pair(t)}, false, codes.Unauthenticated},
		{"token alone", nil, true, codes.Unavailable},
		{"another authority's", []tls.Certificate{bad.pair(t)}, true, codes.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := grpc.NewClient(d.Address, overTLS(&tls.Config{RootCAs: authority.Pool(), Certificates: tt.certs})...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var options []grpc.CallOption
			if tt.token {
				options = append(options, grpc.PerRPCCredentials(bearer(token(t, dir))))
			}
			_, err = reactorv1.NewNodeServiceClient(conn).GetNode(t.Context(), &reactorv1.GetNodeRequest{}, options...)
			if status.Code(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	until(t, "the log tells who called", func() bool { return strings.Contains(d.Log(), "token, certificate of CN=ada") })
	cmd := exec.Command(testkit.Binary(t, "reactorctl"), "status", "--addr", d.Address, "--tls-ca", authority.File)
	cmd.Env = environment(t.TempDir())
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "--tls-cert and --tls-key") {
		t.Errorf("without a certificate reactorctl says %s", out)
	}
}

// What does not go together is refused at the start.
func TestTLSFaults(t *testing.T) {
	f := newFiles(t)
	testkit.NewAuthority(t).Issue("a", f.cert, f.key)
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--listen=127.0.0.1:0", "--tls-cert=" + f.cert}, "needs --tls-key"},
		{[]string{"--listen=127.0.0.1:0", "--tls-key=" + f.key}, "needs --tls-cert"},
		{[]string{"--listen=127.0.0.1:0", "--tls-client-ca=" + f.cert}, "needs --tls-cert and --tls-key"},
		{append(f.flags(), "--listen=unix:/tmp/none/s"), "nothing is served over that"},
		{append(f.flags(), "--listen=127.0.0.1:0", "--insecure-no-tls"), "contradicts"},
		{[]string{"--listen=127.0.0.1:0", "--tls-cert=/none", "--tls-key=/none"}, "/none"},
		{[]string{"--listen=127.0.0.1:0", "--tls-cert=" + f.key, "--tls-key=" + f.key}, "--tls-cert and --tls-key"},
		{append(f.flags(), "--listen=127.0.0.1:0", "--tls-client-ca="+f.key), "no certificate in PEM"},
	} {
		out, err := exec.Command(testkit.Binary(t, "reactord"), append(tt.flags, "--data-dir="+t.TempDir())...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%q: %v, and it says %s", tt.flags, err, out)
		}
	}
}
