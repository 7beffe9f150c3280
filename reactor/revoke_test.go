package reactor

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

func revoked(w *api.Workload) (indices []int) {
	for _, r := range w.Status.Revoked {
		indices = append(indices, r.Grant)
	}
	return indices
}

// What is revoked before the start, or before the daemon is started again, is not given to the guest.
func TestRevokeWhilePending(t *testing.T) {
	dir := t.TempDir()
	one := func(c *Config) { c.MaxLive, c.Allow = 1, policy.Anything() }
	r := openIn(t, dir, one)
	push(t, r, "sleep") // one module: with two, the one that is loaded first would be started first after the restart
	submit(t, r, "parked", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "parked")
	listeners := []grant.Grant{grant.Listener{Address: "127.0.0.1:0"}, grant.Listener{Address: "127.0.0.1:0"}}
	for _, id := range []string{"waits", "never"} {
		submit(t, r, id, api.Spec{Module: "sleep", Grants: listeners})
	}
	for _, req := range []api.RevokeRequest{{ID: "waits", Grants: []int{1, 1}}, {ID: "waits", Grants: []int{1}}, {ID: "never", All: true}} {
		w, _, err := r.RevokeGrants(deadline(t), req)
		if err != nil || w.Status.State != api.Pending {
			t.Fatalf("%+v: %v, %v", req, w, err)
		}
	}
	shutdown(t, r)

	r = openIn(t, dir, one)
	w, grants, err := r.RevokeGrants(deadline(t), api.RevokeRequest{ID: "waits", Grants: []int{0, 1}})
	if err != nil || fmt.Sprint(revoked(w)) != "[0 1]" || len(grants) != 1 {
		t.Fatalf("after the restart: %v, %v", w, err)
	}
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"never"}}); err != nil {
		t.Fatal(err)
	}
	if w := wait(t, r, "never"); fmt.Sprint(revoked(w)) != "[0 1]" {
		t.Errorf("cancelled before it was started: %+v", w.Status)
	}
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"parked"}}); err != nil {
		t.Fatal(err)
	}
	w = awaitWaiting(t, r, "waits")
	if fmt.Sprint(revoked(w)) != "[0 1]" || fmt.Sprintf("%q", w.Status.ListenAddresses) != `["" ""]` {
		t.Errorf("it runs as %+v", w.Status)
	}
	g, err := r.GetGrants(t.Context(), "waits")
	if err != nil || len(g.Grants) != 2 || g.Grants[0].RevokeTime.IsZero() || g.Grants[1].Grant != listeners[1] {
		t.Errorf("the grants are %+v, %v", g, err)
	}
}

func TestRevokeFaults(t *testing.T) {
	r := open(t, func(c *Config) { c.Allow = policy.Anything() })
	push(t, r, "hello", "sleep")
	submit(t, r, "parked", api.Spec{Module: "sleep", Grants: []grant.Grant{grant.Listener{Address: "127.0.0.1:0"}}})
	run(t, r, "ended", api.Spec{Module: "hello", Grants: []grant.Grant{grant.Listener{Address: "127.0.0.1:0"}}})
	for _, tt := range []struct {
		req   api.RevokeRequest
		class errs.Class
		words []string
	}{
		{api.RevokeRequest{All: true}, errs.InvalidArgument, []string{"id"}},
		{api.RevokeRequest{ID: "parked"}, errs.InvalidArgument, []string{"indices"}},
		{api.RevokeRequest{ID: "parked", Grants: []int{0}, All: true}, errs.InvalidArgument, []string{"all"}},
		{api.RevokeRequest{ID: "parked", Grants: []int{7, 0, -1}}, errs.InvalidArgument, []string{"indices[0]", "indices[2]"}},
		{api.RevokeRequest{ID: "nobody", All: true}, errs.WorkloadNotFound, nil},
		{api.RevokeRequest{ID: "ended", All: true}, errs.WorkloadFinished, []string{"has ended"}},
	} {
		_, _, err := r.RevokeGrants(t.Context(), tt.req)
		wantClass(t, err, tt.class, tt.words...)
	}
	if w, err := r.GetWorkload(t.Context(), "parked"); err != nil || len(w.Status.Revoked) > 0 {
		t.Errorf("%+v, %v: what failed has revoked something", w, err)
	}
}

// Whatever a workload is doing when a grant is revoked: once that is acknowledged, its end has it.
func TestRevokeAtAnyTime(t *testing.T) {
	r := open(t, func(c *Config) { c.Allow = policy.Anything() })
	push(t, r, "hello")
	grants := []grant.Grant{
		grant.Directory{HostPath: t.TempDir(), GuestPath: "/a"}, grant.Directory{HostPath: t.TempDir(), GuestPath: "/b"},
	}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("w%d-%d", g, i)
				submit(t, r, id, api.Spec{Module: "hello", Grants: grants})
				acknowledged := make([]bool, len(grants))
				var both sync.WaitGroup
				for of := range grants {
					both.Go(func() {
						_, _, err := r.RevokeGrants(deadline(t), api.RevokeRequest{ID: id, Grants: []int{of}})
						if e, ok := errors.AsType[*errs.Error](err); err != nil && (!ok || e.Class != errs.WorkloadFinished) {
							t.Errorf("%s: %v", id, err)
						}
						acknowledged[of] = err == nil
					})
				}
				both.Wait()
				w := wait(t, r, id)
				for of, was := range acknowledged {
					if found := fmt.Sprint(revoked(w)); was && found != "[0 1]" && found != fmt.Sprintf("[%d]", of) {
						t.Errorf("%s: the revocation of %d was acknowledged, and its end has %s", id, of, found)
					}
				}
			}
		})
	}
	group.Wait()
}
