package network_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

func TestDial(t *testing.T) {
	first, second := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	refused := errors.New("not there")
	for name, test := range map[string]struct {
		faults  map[string]networktest.Faults
		refuse  string // by check
		address string
		to      string        // where it gets
		is      error         // or why it does not
		says    string        // or what the error says
		took    time.Duration // at least
	}{
		"first":              {address: "db.org:80", to: "10.0.0.1:80"},
		"another spelling":   {address: "DB.ORG.:80", to: "10.0.0.1:80"},
		"address":            {address: "10.0.0.2:80", to: "10.0.0.2:80"},
		"mapped address":     {address: "[::ffff:10.0.0.2]:80", to: "10.0.0.2:80"},
		"first is refused":   {faults: map[string]networktest.Faults{"10.0.0.1:80": {Refuse: true}}, address: "db.org:80", to: "10.0.0.2:80"},
		"first is silent":    {faults: map[string]networktest.Faults{"10.0.0.1:80": {Hang: true}}, address: "db.org:80", to: "10.0.0.2:80", took: 30 * time.Second},
		"first may not be":   {refuse: "10.0.0.1:80", address: "db.org:80", to: "10.0.0.2:80"},
		"address may not be": {refuse: "10.0.0.1:80", address: "10.0.0.1:80", is: refused},
		"all are refused":    {address: "db.org:81", is: syscall.ECONNREFUSED},
		"silent":             {faults: map[string]networktest.Faults{"10.0.0.2:80": {Hang: true}}, address: "10.0.0.2:80", is: syscall.ETIMEDOUT, took: 30 * time.Second},
		"unknown":            {address: "unknown.org:80", says: "no such host"},
		"silent name server": {address: "hangs.org:80", says: "deadline", took: 10 * time.Second},
		"no port":            {address: "db.org", says: "missing port"},
		"port 0":             {address: "db.org:0", says: "invalid port"},
		"port beyond":        {address: "db.org:65536", says: "invalid port"},
		"named port":         {address: "db.org:http", says: "invalid port"},
		"octal":              {address: "0177.0.0.1:80", says: "looks like an address"},
		"zone":               {address: "[fe80::1%eth0]:80", says: "zone"},
		"IPv6 is missing":    {address: "[2001:db8::1]:80", is: syscall.EAFNOSUPPORT},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := networktest.New()
				s.RemoveFamily(network.IPv6)
				s.Name("db.org", networktest.Answer{Addrs: []netip.Addr{first, second}})
				s.Name("hangs.org", networktest.Answer{Hang: true})
				listen(t, s, "10.0.0.1:80")
				listen(t, s, "10.0.0.2:80")
				for at, f := range test.faults {
					s.Fail(addrPort(at), f)
				}
				check := func(host string, to netip.AddrPort) error {
					want, _, _ := net.SplitHostPort(strings.ToLower(test.address))
					if host != strings.TrimSuffix(want, ".") {
						t.Errorf("check is asked for %q", host)
					}
					if to.String() == test.refuse {
						return refused
					}
					return nil
				}
				begin := time.Now()
				var conn network.TCP
				var err error
				onFiber(t, func(call *hostcalls.Call, _ *driver.Driver) {
					conn, err = network.Dial(call, s, nil, test.address, check)
				})
				switch {
				case test.to != "" && (err != nil || conn.RemoteAddr() != addrPort(test.to)):
					t.Errorf("got to %v, %v; want %s", conn, err, test.to)
				case test.to == "" && err == nil:
					t.Errorf("got to %v", conn.RemoteAddr())
				case test.is != nil && !errors.Is(err, test.is), test.says != "" && !strings.Contains(fmt.Sprint(err), test.says):
					t.Errorf("error is %v, want %v%s", err, test.is, test.says)
				}
				if took := time.Since(begin); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if conn != nil {
					_ = conn.Close()
				}
			})
		})
	}
}

// A cancel ends a connection attempt at once, and leaves nothing.
func TestDialIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		s.Fail(addrPort(server), networktest.Faults{Hang: true})
		var err error
		task := spawn(t, func(call *hostcalls.Call, _ *driver.Driver) { _, err = network.Dial(call, s, nil, server, nil) })
		synctest.Wait()
		ops := task.call.AppendOps(nil)
		if len(ops) == 0 || ops[0].Kind != hostcalls.OpConnect || ops[0].Target != server || ops[0].Deadline.IsZero() {
			t.Errorf("it waits for %+v", ops)
		}
		begin := time.Now()
		task.Cancel(errStop)
		task.wait()
		if !errors.Is(err, errStop) || time.Since(begin) != 0 {
			t.Errorf("error is %v after %v", err, time.Since(begin))
		}
	})
}
