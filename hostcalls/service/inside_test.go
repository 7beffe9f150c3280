package service

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// startInside starts a service whose client is another workload of the daemon.
func startInside(t *testing.T, serve abi.Service, h handler, change ...func(*abi.Config)) (r *running, descriptors *hostcalls.Budget) {
	t.Helper()
	peers, budget := network.NewPeers(), hostcalls.NewBudget(100)
	r = start(t, serve, h, append(change, func(c *abi.Config) {
		c.Peer = network.Peer{Peers: peers, Tenant: "t", ID: "server"}
		c.Budget, c.Owner = budget, "server"
	})...)
	client := network.Peer{Peers: peers, Tenant: "t", ID: "client"}
	r.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return client.Reach(ctx, netip.MustParseAddrPort(address))
	}}
	return r, budget
}

// A request of a workload in the daemon is as any other, and its connection takes no descriptor.
func TestInside(t *testing.T) {
	r, descriptors := startInside(t, abi.Service{AccessLog: true}, echoing)
	for range 3 {
		body, writer := io.Pipe()
		resp, err := r.client.Post(r.url, "text/plain", io.MultiReader(strings.NewReader("first"), body))
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
			t.Fatalf("%q, %v", first, err)
		}
		sent := strings.Repeat("0123456789", 100_000)
		go func() {
			_, _ = io.WriteString(writer, sent)
			_ = writer.Close()
		}()
		if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != sent {
			t.Errorf("%d bytes, %v", len(rest), err)
		}
		_ = resp.Body.Close()
	}
	if c := r.process.Counts(); c.Connections != 1 || c.Requests != 3 {
		t.Errorf("%+v", c)
	}
	if used, _ := descriptors.Use(); used > 1 { // that of the connection that is accepted next
		t.Errorf("%d descriptors", used)
	}
	r.end()
	if n := strings.Count(r.log.String(), "service: workload:client POST / HTTP/1.1 200 1000005 bytes in "); n != 3 {
		t.Errorf("the log: %s", r.log)
	}
	if used, _ := descriptors.Use(); used != 0 {
		t.Errorf("%d descriptors are left", used)
	}
	if resp, err := r.client.Get(r.url); err == nil {
		_ = resp.Body.Close()
		t.Error("what has ended is reached")
	}
}

// Connections in memory count as those of others do, and the one that is idle for longest makes room for them, too.
func TestInsideConnections(t *testing.T) {
	r, _ := startInside(t, abi.Service{}, answering("hello"), func(c *abi.Config) { c.Network.Sockets = 3 }) // the listener is one
	for i := range 10 {
		if i%2 == 1 {
			r.client.Transport.(*http.Transport).CloseIdleConnections()
		}
		if status, text := r.get("/"); status != http.StatusOK || text != "hello" {
			t.Fatalf("request %d: %d %q", i, status, text)
		}
		c := r.dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "HTTP/1.1 200" {
			t.Fatalf("request %d over a socket: %q, %v", i, b, err)
		}
		if n := r.process.Counts().Connections; n > 3 {
			t.Errorf("%d connections", n)
		}
	}
}

// A service that asks itself, or another one that asks it, with all of its instances taken ends at the deadline, and says why.
func TestInsideCircle(t *testing.T) {
	r, _ := startInside(t, abi.Service{Instances: 1, Concurrent: 1, Timeout: 300 * time.Millisecond}, silent(true))
	began := time.Now()
	first := make(chan int)
	go func() {
		status, _ := r.get("/outer")
		first <- status
	}()
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/inner", nil)
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if status := <-first; status != http.StatusGatewayTimeout {
		t.Errorf("the outer request: %d", status)
	}
	// The inner one gets the instance when the outer one is given up, and is not answered either.
	if resp.StatusCode != http.StatusGatewayTimeout || !strings.Contains(string(text), "within 300ms") {
		t.Errorf("the inner request: %d %q after %v", resp.StatusCode, text, time.Since(began))
	}
}

// A request that has no instance when it is due is told so.
func TestNoInstanceIsFree(t *testing.T) {
	r := start(t, abi.Service{Instances: 1, Concurrent: 1, Timeout: 200 * time.Millisecond}, silent(false))
	go func() {
		if resp, err := r.client.Get(r.url); err == nil {
			_ = resp.Body.Close()
		}
	}()
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	var status int
	var text string
	for range 20 { // as the first one's instance has two seconds to end
		if status, text = r.get("/"); strings.Contains(text, "no instance was free within 200ms: all have requests") {
			break
		}
	}
	if status != http.StatusGatewayTimeout {
		t.Errorf("%d %q", status, text)
	}
}

// A client in the daemon that goes takes its request along, and a service that ends breaks off those that it has.
func TestInsideEnds(t *testing.T) {
	r, _ := startInside(t, abi.Service{Idle: time.Hour}, silent(true))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	ask := func(ctx context.Context) {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
		_, err := r.client.Do(req) //nolint:bodyclose // it fails
		ended <- err
	}
	go ask(ctx)
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	cancel()
	<-ended
	r.await("it was given up", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Failed == 1 && c.Connections == 0 })
	go ask(t.Context())
	r.await("another one is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	r.process.(*supervisor).fail(wasihttp.AsError(io.EOF)) // without a grace
	if err := <-ended; err == nil {
		t.Error("a request that was broken off has an answer")
	}
}
