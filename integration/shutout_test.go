package integration

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// intruder is what many clients do at a time to shut others out.
type intruder struct {
	name  string
	sends string
	reads bool // and comes again when it is closed
}

// shutOut has more of them than there may be connections, until the test ends.
func (i intruder) shutOut(t *testing.T, address string) {
	t.Helper()
	var clients sync.WaitGroup
	t.Cleanup(clients.Wait)
	ctx := t.Context() // is done before the cleanup
	for range 300 {
		clients.Go(func() {
			for ctx.Err() == nil {
				c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
				if err != nil {
					continue
				}
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = io.WriteString(c, i.sends) // it may be closed at any time
				if i.reads {
					_, _ = io.Copy(io.Discard, c)
				} else {
					<-ctx.Done()
				}
				stop()
				_ = c.Close()
			}
		})
	}
}

// holdsOut checks that somebody who has the token is answered while intruders come, and that the log tells of them.
func holdsOut(t *testing.T, d *testkit.Daemon, of, address string, intruders []intruder, ask func(client *http.Client) (status int, err error)) {
	t.Helper()
	for _, i := range intruders {
		t.Run(i.name, func(t *testing.T) {
			i.shutOut(t, address)
			until(t, "there are too many", func() bool { return linesOf(d, "has reached its bound", of) > 0 })
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
			answered := 0
			for range 10 { // one that does not get in during its moment, since the machine is busy, tries again
				if status, err := ask(client); err == nil && status == http.StatusOK {
					answered++
				} else {
					t.Logf("status %d: %v", status, err)
				}
			}
			if answered < 5 {
				t.Errorf("of 10 requests %d were answered", answered)
			}
		})
		until(t, "it is over", func() bool {
			return linesOf(d, "below their bound again", of) == linesOf(d, "has reached its bound", of)
		})
	}
}

// linesOf counts the lines that have all texts.
func linesOf(d *testkit.Daemon, texts ...string) (n int) {
lines:
	for line := range strings.Lines(d.Log()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}

// Whoever reads metrics is not shut out, neither by clients without the token nor by such as have it.
func TestShutOutOfMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, nil, "--listen=unix:"+filepath.Join(shortDir(t), "s"), "--metrics=127.0.0.1:0")
	url := "http://" + metricsAt(t, d)
	address, _, _ := strings.Cut(metricsAt(t, d), "/")
	text, err := os.ReadFile(filepath.Join(dir, "metrics-token"))
	if err != nil {
		t.Fatal(err)
	}
	header := "Bearer " + strings.TrimSpace(string(text))
	get := "GET /metrics HTTP/1.1\r\nHost: h\r\nAuthorization: "
	holdsOut(t, d, `"of":"metrics"`, address, []intruder{
		{"silent", "", true},
		{"half a head", get, true},
		{"a wrong token", get + "Bearer x\r\n\r\n", true},
		{"much is asked for and nothing read", strings.Repeat(get+header+"\r\n\r\n", 200), false},
	}, func(client *http.Client) (int, error) {
		return statusOf(t, client, http.MethodGet, url, http.Header{"Authorization": {header}}, "")
	})
}

// Whoever has the page for browsers open is not shut out.
func TestShutOutOfThePage(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := startWithPage(t, dir, "127.0.0.1:0")
	at := pageOf(t, d)
	address := strings.Trim(strings.TrimPrefix(at, "http://"), "/")
	header := "Bearer " + token(t, dir)
	const call = "POST /reactor.v1.NodeService/GetNode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
		"Connect-Protocol-Version: 1\r\nAuthorization: "
	const file = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	holdsOut(t, d, `"of":"the page"`, address, []intruder{
		{"silent", "", true},
		{"a file", file, true},
		{"many files, not read", strings.Repeat(file, 1000), false},
		{"a wrong token, and half a request", call + "Bearer x\r\nContent-Length: 2\r\n\r\n{", true},
		{"half a call", call + header + "\r\nContent-Length: 2\r\n\r\n{", true},
		{"many calls, not read", strings.Repeat(call+header+"\r\nContent-Length: 2\r\n\r\n{}", 200), false},
	}, func(client *http.Client) (int, error) {
		return statusOf(t, client, http.MethodPost, at+"reactor.v1.NodeService/GetNode", http.Header{
			"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}, "Authorization": {header},
		}, "{}")
	})
}

// statusOf sends a request and reads the answer.
func statusOf(t *testing.T, client *http.Client, method, url string, header http.Header, body string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
