package fetch

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestWaits: what a program waits for can be seen while it passes on a body, and what it fetches in vain is in the daemon's log.
func TestWaits(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	component, err := os.ReadFile(examples + "/rust/fetch.wasm")
	if err != nil {
		t.Fatal(err)
	}
	u, address := newUpstream(t), testkit.FreeAddress(t)
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, component), Serve: &reactorv1.HttpService{}, Grants: []*reactorv1.Grant{
		{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}},
		{Grant: &reactorv1.Grant_Http{Http: &reactorv1.HttpGrant{Origin: u.URL}}},
	}})
	_, body := get(t, "http://"+address+"/stream?"+u.URL+"/halves")
	if _, err := io.ReadFull(body, make([]byte, len("first\n"))); err != nil {
		t.Fatal(err)
	}
	want := "the body of GET " + u.URL + "/halves"
	var seen []string
	for deadline := time.Now().Add(testkit.Patience); ; time.Sleep(10 * time.Millisecond) {
		resp, err := d.Workloads.ListOps(t.Context(), &reactorv1.ListOpsRequest{WorkloadId: id})
		if err != nil {
			t.Fatal(err)
		}
		seen = nil
		for _, op := range resp.GetOps() {
			seen = append(seen, op.GetTarget())
			if op.GetTarget() == want && op.GetKind() == reactorv1.OpKind_OP_KIND_READ {
				want = ""
			}
		}
		if want == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it waits for %q, and not for %q", seen, want)
		}
	}
	u.goOn <- struct{}{}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "second\n" {
		t.Errorf("the second half: %q, %v", rest, err)
	}

	if status, _ := get(t, "http://"+address+"/stream?http://127.0.0.1:1/"); status != http.StatusInternalServerError {
		t.Errorf("what was not granted: status %d", status)
	}
	const told = `"kind":"http","target":"http://127.0.0.1:1","message":"network: no grant covers it"`
	for deadline := time.Now().Add(testkit.Patience); !strings.Contains(d.Log(), told); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the log tells nothing of the refused request")
		}
	}
	d.Cancel(t, id)
}
