package network_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// spawnFor runs body as a guest of a tenant.
func spawnFor(t *testing.T, e *executor.Executor, tenant, owner string, body func(c *hostcalls.Call)) *executor.Task {
	t.Helper()
	task, err := e.Spawn(executor.TaskSpec{Tenant: tenant, Run: func(f *executor.Fiber) {
		g := new(guest)
		g.Guest.Init(e.Driver(), owner)
		g.Call.Init(&g.Guest, f)
		body(&g.Call)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// TestHangingLookupsOfATenant: a thousand lookups of one tenant that hang, all below one domain or each below another, do
// not hold up a lookup of another tenant, even below that domain.
func TestHangingLookupsOfATenant(t *testing.T) {
	for name, domain := range map[string]func(i int) string{
		"one domain":   func(int) string { return "shared.org" },
		"many domains": func(i int) string { return fmt.Sprintf("d%d.org", i) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := executor.New(executor.Config{})
				if err != nil {
					t.Fatal(err)
				}
				s := networktest.New()
				want := netip.MustParseAddr("10.0.0.7")
				s.Name("db.shared.org", networktest.Answer{Addrs: []netip.Addr{want}})
				errStop := errors.New("stop")
				var hanging []*executor.Task
				for i := range 1000 {
					host := fmt.Sprintf("h%d.%s", i, domain(i))
					s.Name(host, networktest.Answer{Hang: true})
					hanging = append(hanging, spawnFor(t, e, "a", fmt.Sprint("a", i), func(c *hostcalls.Call) {
						if addrs, err := network.Lookup(c, s, nil, host); !errors.Is(err, errStop) {
							t.Errorf("%s is %v, %v", host, addrs, err)
						}
					}))
				}
				synctest.Wait()
				other := spawnFor(t, e, "b", "b", func(c *hostcalls.Call) {
					if addrs, err := network.Lookup(c, s, nil, "db.shared.org"); err != nil || len(addrs) != 1 || addrs[0] != want {
						t.Errorf("the lookup is %v, %v", addrs, err)
					}
				})
				synctest.Wait() // no time passes
				if other.Phase() != executor.Done {
					t.Error("the lookup waits for those of another tenant")
				}
				for _, task := range hanging {
					task.Cancel(errStop)
				}
				if err := e.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
