package integration

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// freePort returns an address of this machine that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// broken reports whether a client sees by an error that its connection was broken off, or that nobody listens.
func broken(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// A daemon that is killed while a service is under load serves again when it is started again, and has lost no workload that it
// acknowledged. Clients have whole answers or broken connections. KILLS says how often it is killed; what ran at the deaths starts
// later with each of them.
func TestKilledWhileServing(t *testing.T) {
	kills := 1
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = n
	}
	const endured = "--crash-limit=1000" // the service was there at every death
	dir, address := t.TempDir(), freePort(t)
	d := testkit.Start(t, dir, endured)
	s := startService(t, d, &reactorv1.HttpService{}, func(spec *reactorv1.WorkloadSpec) { spec.Grants = []*reactorv1.Grant{listenAt(address)} })
	work := sleeper(t, d.Client, 50*time.Millisecond)

	var answers atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	load := func(client *http.Client, path, want string) {
		for {
			select {
			case <-stop:
				return
			default:
			}
			resp, err := client.Get("http://" + address + path)
			if err == nil {
				var b []byte
				b, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err == nil && (resp.StatusCode != http.StatusOK || string(b) != want) {
					t.Errorf("%s: %s %q", path, resp.Status, b)
				}
			}
			switch {
			case err == nil:
				answers.Add(1)
			case broken(err):
				client.CloseIdleConnections()
				time.Sleep(5 * time.Millisecond)
			default:
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for range 8 {
		clients.Go(func() { load(s.h1, "/", "hello\n") })
		clients.Go(func() { load(s.h1, "/sleep?5", "slept\n") })
		clients.Go(func() { load(s.h1, "/count?3", "0\n1\n2\n") })
	}
	var ids []string
	for range kills {
		before := answers.Load()
		until(t, "there are answers", func() bool { return answers.Load() > before+200 })
		ids = append(ids, d.SubmitMany(t, work, 20)...)
		d.Kill()
		d = testkit.Start(t, dir, endured)
	}
	before := answers.Load()
	until(t, "there are answers in the end", func() bool { return answers.Load() > before+200 })
	close(stop)
	clients.Wait()
	t.Logf("%d answers over %d deaths", answers.Load(), kills)
	for _, id := range ids {
		if end := d.WaitFor(t, id); end.GetState() != succeeded {
			t.Errorf("%s: %v", id, end)
		}
	}
	if w := d.Status(t, s.id); w.GetEndTime() != nil || w.GetListenAddresses()[0] != address {
		t.Errorf("the service: %v", w)
	}
	d.Cancel(t, s.id)
	if end := d.WaitFor(t, s.id); end.GetState() != cancelled {
		t.Errorf("the service ended as %v", end)
	}
	d.Stop()
}
