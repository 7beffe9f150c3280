package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// startSecureService starts a service with TLS. authority is the file with the certificate that its clients trust.
func startSecureService(t *testing.T) (s *service, authority string) {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a := testkit.NewAuthority(t)
	a.Issue("localhost", cert, key)
	d := testkit.Start(t, t.TempDir(), "--allow-secret=file:"+dir)
	s = startService(t, d, &reactorv1.HttpService{Certificate: "file:" + cert, Key: "file:" + key})
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	return s, a.File
}

// h2specVariable names the binary of github.com/summerwind/h2spec, which sends what no client should over HTTP/2.
const h2specVariable = "REACTORD_H2SPEC"

// ofNetHTTP are the cases of h2spec that package net/http, which serves, fails too, alone. docs/conformance.md has the reasons.
var ofNetHTTP = []string{
	"Sends invalid connection preface",
	"Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
	"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
	"Sends a HEADERS frame that contains the connection-specific header field",
	`Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`,
	`Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length`,
}

// TestH2spec runs h2spec against a service, in the clear and with TLS, and against it again afterwards a plain request.
func TestH2spec(t *testing.T) {
	binary := os.Getenv(h2specVariable)
	if binary == "" {
		t.Skipf("%s is not set: it names the program of github.com/summerwind/h2spec", h2specVariable)
	}
	secure, _ := startSecureService(t)
	for name, c := range map[string]struct {
		s    *service
		args []string
	}{
		"in the clear": {startService(t, testkit.Start(t, t.TempDir()), &reactorv1.HttpService{}), nil},
		"with TLS":     {secure, []string{"--tls", "--insecure"}},
	} {
		t.Run(name, func(t *testing.T) {
			address, err := url.Parse(c.s.url)
			if err != nil {
				t.Fatal(err)
			}
			out, _ := command(t, nil, binary, append(c.args, "--host", address.Hostname(), "--port", address.Port())...)
			_, failures, _ := strings.Cut(out, "Failures:")
			for _, failed := range regexp.MustCompile(`× \d+: (.*)`).FindAllStringSubmatch(failures, -1) {
				if !slices.Contains(ofNetHTTP, failed[1]) {
					t.Errorf("failed: %s", failed[1])
				}
			}
			if !regexp.MustCompile(`14\d tests, 1[34]\d passed`).MatchString(out) {
				t.Errorf("h2spec says: %s", out)
			}
			until(t, "it is idle", func() bool { n := c.s.counts(); return n.GetActive()+n.GetWaiting()+n.GetConnections() == 0 })
		})
	}
}

// command runs a program, for a while at most, and returns its output.
func command(t *testing.T, stdin []byte, name string, args ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	b, err := cmd.Output()
	return string(b), err
}

// TestCurl asks a service by curl, in each version of HTTP, in the clear and with TLS.
func TestCurl(t *testing.T) {
	t.Parallel()
	version, err := exec.Command("curl", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no curl")
	} else if err != nil {
		t.Fatal(err)
	}
	plain := startService(t, testkit.Start(t, t.TempDir()), &reactorv1.HttpService{})
	secure, authority := startSecureService(t)
	big := make([]byte, 3<<20)
	_, _ = rand.Read(big)
	for name, c := range map[string]struct {
		s       *service
		args    []string
		version string
	}{
		"HTTP/1.0":          {plain, []string{"--http1.0"}, "1"},
		"HTTP/1.1":          {plain, []string{"--http1.1"}, "1.1"},
		"HTTP/2":            {plain, []string{"--http2-prior-knowledge"}, "2"},
		"HTTP/1.1 with TLS": {secure, []string{"--http1.1", "--cacert", authority}, "1.1"},
		"HTTP/2 with TLS":   {secure, []string{"--cacert", authority}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.version == "2" && !bytes.Contains(version, []byte("HTTP2")) {
				t.Skip("curl has no HTTP/2")
			}
			curl := func(stdin []byte, path string, args ...string) (string, error) {
				args = append(append([]string{"--silent", "--show-error"}, c.args...), append(args, c.s.url+path)...)
				return command(t, stdin, "curl", args...)
			}
			answered := "%{http_code} %{http_version}"
			for _, tt := range []struct {
				path string
				args []string
				in   []byte
				want string
			}{
				{path: "/", args: []string{"--write-out", answered}, want: "hello\n200 " + c.version},
				{path: "/", args: []string{"--head", "--output", os.DevNull, "--write-out", answered}, want: "200 " + c.version},
				{path: "/count?3", want: "0\n1\n2\n"},
				{path: "/error", args: []string{"--output", os.DevNull, "--write-out", answered}, want: "500 " + c.version},
				{path: "/echo", args: []string{"--data-binary", "@-"}, in: big, want: string(big)},
				{path: "/echo", args: []string{"--data-binary", "@-", "--header", "Expect: 100-continue"}, in: big, want: string(big)},
				{path: "/echo", args: []string{"--upload-file", "-"}, in: big, want: string(big)}, // of a length that it does not know
				{path: "/echo", args: []string{"--data", ""}, want: ""},
			} {
				if c.version == "1" && slices.Contains(tt.args, "--upload-file") {
					continue // curl needs chunks
				}
				if got, err := curl(tt.in, tt.path, tt.args...); err != nil || got != tt.want {
					t.Errorf("%s %v: %d bytes, %.40q, %v", tt.path, tt.args, len(got), got, told(err))
				}
			}
			// A client that goes takes its request along.
			if _, err := curl(nil, "/forever", "--max-time", "0.3"); err == nil {
				t.Error("what never ends has ended")
			}
			until(t, "it is idle", func() bool { n := c.s.counts(); return n.GetActive()+n.GetWaiting()+n.GetConnections() == 0 })
		})
	}
}

// TestChromium has a browser show what a service answers, in the clear and, over HTTP/2, with TLS.
func TestChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	plain := startService(t, testkit.Start(t, t.TempDir()), &reactorv1.HttpService{})
	secure, _ := startSecureService(t)
	for name, s := range map[string]*service{"in the clear": plain, "with TLS": secure} {
		t.Run(name, func(t *testing.T) {
			for path, want := range map[string]string{"/": "hello\n", "/count?3": "0\n1\n2\n"} {
				out, err := command(t, nil, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
					"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
					"--ignore-certificate-errors", "--dump-dom", s.url+path)
				if err != nil || !strings.Contains(out, ">"+want+"<") {
					t.Errorf("%s: %v, the page is %q", path, told(err), out)
				}
			}
		})
	}
}

// told is the error of a command, with what it has said.
func told(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}
