package attack

import (
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestMuteServers: many handshakes with a machine that does not answer hold up no handshake with another.
func TestMuteServers(t *testing.T) {
	long(t)
	d := testkit.Start(t, t.TempDir())
	secured := func(address string) *reactorv1.WorkloadSpec {
		return &reactorv1.WorkloadSpec{Module: d.Push(t, examples.Sleeper), Args: []string{"1", "1"}, Grants: []*reactorv1.Grant{
			{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: address, Tls: &reactorv1.TlsOptions{}}}},
		}}
	}
	waiting := d.SubmitMany(t, secured(testkit.NeverReadsAt(t, "127.0.0.2")), 200)
	begin := time.Now()
	refused := d.Submit(t, secured(testkit.HangsUp(t)))
	d.WaitFor(t, refused)
	took := time.Since(begin)
	t.Logf("beside %d handshakes that go on, one was over after %v", len(waiting), took)
	if took > 5*time.Second {
		t.Errorf("a handshake waited %v for those with another machine", took)
	}
	d.Cancel(t, waiting...)
}
