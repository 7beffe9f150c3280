package client

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// A service of another workload is reached without a socket, at the address where it listens, whatever name has led there; where
// none listens, by a socket. What it counts for is the same.
func TestServicesOfTheDaemon(t *testing.T) {
	peers := network.NewPeers()
	traffic := network.NewTraffic(nil, network.TrafficLimits{})
	client := network.Peer{Peers: peers, Tenant: "t", ID: "client"}
	f := newFixture(t, Config{Peer: client, Traffic: traffic, Connections: 2}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "outside") })
	at := netip.MustParseAddrPort(strings.TrimPrefix(f.server.URL, "http://"))

	descriptors := func() int64 {
		used, _ := f.budget.Use()
		return used
	}
	if _, body, code := f.send(f.request("GET", "/")); code != ok || body != "outside" || descriptors() != 1 {
		t.Fatalf("%q, %v, %d descriptors", body, code, descriptors())
	}
	f.client.transport.CloseIdleConnections()

	l := network.Peer{Peers: peers, Tenant: "t", ID: "server"}.Serve(at)
	inside := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})}
	go func() { _ = inside.Serve(l) }()
	for name, of := range map[string]string{"an address": at.String(), "a name": "a.example:" + at.String()[len("127.0.0.1:"):]} {
		before := traffic.Sent()
		r := f.request("POST", "/")
		r.Authority = of
		body, err := wasihttp.NewBody(r.Fields, true)
		if err != nil {
			t.Fatal(err)
		}
		r.Body = body
		go body.Fill(context.Background(), strings.NewReader(strings.Repeat("x", 100_000)), func() (*wasihttp.Fields, error) { return nil, nil })
		if _, got, code := f.send(r); code != ok || len(got) != 100_000 {
			t.Errorf("%s: %d bytes, %v", name, len(got), code)
		}
		if sent := traffic.Sent() - before; sent < 100_000 {
			t.Errorf("%s: %d bytes count as sent", name, sent)
		}
	}
	held, goOn := make(chan struct{}), make(chan struct{})
	inside.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(held); <-goOn })
	answers := make(chan answer, 1)
	op, _ := f.client.Send(f.request("GET", "/"), func(r *wasihttp.Response, err error) { answers <- answer{r, err} })
	<-held
	if peer := op.Peer(); peer != "server" {
		t.Errorf("the operation waits for workload %q", peer)
	}
	close(goOn)
	if a := <-answers; a.err != nil {
		t.Error(a.err)
	} else {
		a.response.Body.Close(nil)
	}
	if n := descriptors(); n != 0 || f.client.Open() != 2 {
		t.Errorf("%d descriptors for %d connections", n, f.client.Open())
	}
	f.access.forbidden = func(netip.AddrPort) bool { return true }
	f.client.transport.CloseIdleConnections()
	if _, _, code := f.send(f.request("GET", "/")); code != wasihttp.DestinationIPProhibited {
		t.Errorf("at a forbidden address: %v", code)
	}
	f.access.forbidden = nil
	_ = inside.Close()
	if _, body, code := f.send(f.request("GET", "/")); code != ok || body != "outside" {
		t.Errorf("when the service has ended: %q, %v", body, code)
	}
}
