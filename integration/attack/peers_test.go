package attack

import (
	"net"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// unanswering accepts connections at an address of loopback, and neither reads nor writes.
func unanswering(t *testing.T, host string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l.Addr().String()
}

// TestMuteServers: many handshakes with a machine that does not answer hold up no handshake with another.
func TestMuteServers(t *testing.T) {
	long(t)
	d := testkit.Start(t, t.TempDir())
	secured := func(address string) *reactorv1.WorkloadSpec {
		return &reactorv1.WorkloadSpec{Module: d.Push(t, examples.Sleeper), Args: []string{"1", "1"}, Grants: []*reactorv1.Grant{
			{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: address, Tls: &reactorv1.TlsOptions{}}}},
		}}
	}
	waiting := d.SubmitMany(t, secured(unanswering(t, "127.0.0.2")), 200)
	begin := time.Now()
	refused := d.Submit(t, secured(closing(t)))
	d.WaitFor(t, refused)
	took := time.Since(begin)
	t.Logf("beside %d handshakes that go on, one was over after %v", len(waiting), took)
	if took > 5*time.Second {
		t.Errorf("a handshake waited %v for those with another machine", took)
	}
	d.Cancel(t, waiting...)
}

// closing accepts connections and closes them.
func closing(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}
