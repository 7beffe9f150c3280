package fetch

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// serve submits a service that may fetch from some origins, and logs its requests, and waits until it listens.
func serve(t *testing.T, d *testkit.Daemon, module, address string, how *reactorv1.HttpService, origins ...string) (id string) {
	how.AccessLog = true
	spec := &reactorv1.WorkloadSpec{Module: module, Serve: how, Grants: []*reactorv1.Grant{
		{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}},
	}}
	for _, o := range origins {
		spec.Grants = append(spec.Grants, &reactorv1.Grant{Grant: &reactorv1.Grant_Http{Http: &reactorv1.HttpGrant{Origin: o}}})
	}
	id = d.Submit(t, spec)
	for deadline := time.Now().Add(testkit.Patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return id
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestServicesReachEachOther has two services fetch from each other, which takes no sockets, and end when they wait in a circle.
func TestServicesReachEachOther(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary, err := os.ReadFile(examples + "/c/fetch.wasm")
	if err != nil {
		t.Fatal(err)
	}
	module := d.Push(t, binary)
	one, other := testkit.FreeAddress(t), testkit.FreeAddress(t)
	how := func() *reactorv1.HttpService {
		return &reactorv1.HttpService{MaxInstances: 1, MaxConcurrentRequests: 1, RequestTimeout: durationpb.New(3 * time.Second)}
	}
	u := newUpstream(t)
	first := serve(t, d, module, one, how(), "http://"+other)
	second := serve(t, d, module, other, how(), "http://"+one, u.URL)

	_, body := get(t, "http://"+one+"/stream?http://"+other+"/stream?"+u.URL+"/halves")
	half := make([]byte, len("first\n"))
	if _, err := io.ReadFull(body, half); err != nil || string(half) != "first\n" {
		t.Fatalf("the first half: %q, %v", half, err)
	}
	u.goOn <- struct{}{}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "second\n" {
		t.Errorf("the second half: %q, %v", rest, err)
	}
	if log, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: second}); !strings.Contains(log, "workload:"+first+" GET /stream HTTP/1.1 200") {
		t.Errorf("the log of the second one does not say that the first one has asked it:\n%s", log)
	}

	// The second one asks the first one, which waits for it.
	began := time.Now()
	type answer struct {
		status int
		text   string
	}
	answers := make(chan answer)
	go func() {
		response, err := client.Get(fmt.Sprintf("http://%s/stream?http://%s/stream?http://%s/nothing", one, other, one))
		if err != nil {
			t.Error(err)
			close(answers)
			return
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		answers <- answer{response.StatusCode, string(text)}
	}()
	told, asks := map[string]string{}, map[string]bool{}
	var got answer
	for got.status == 0 && !t.Failed() {
		for id, waitsFor := range map[string]string{first: second, second: first} {
			if stuck := d.Status(t, id).GetStuck(); strings.Contains(stuck, "its requests wait for workload "+waitsFor+", which can't go on either") {
				told[id] = stuck
			}
			for _, op := range d.Status(t, id).GetWaitingFor() {
				if op.GetKind() == reactorv1.OpKind_OP_KIND_HTTP && op.GetPeer() == waitsFor {
					asks[id] = true
				}
			}
		}
		select {
		case got = <-answers:
		case <-time.After(100 * time.Millisecond):
		}
	}
	// Both requests have 3s: if the inner one is over first, its status is passed on without its text.
	if got.status != http.StatusGatewayTimeout || got.text != "" && !strings.Contains(got.text, "no answer within 3s") {
		t.Errorf("in a circle: %+v after %v", got, time.Since(began))
	}
	if len(asks) != 2 {
		t.Errorf("the peers of the requests are told of %v alone", asks)
	}
	if len(told) != 2 {
		t.Errorf("of the circle is told %q", told)
	}
	if status, _ := get(t, "http://"+one+"/nothing"); status != http.StatusNotFound {
		t.Errorf("after that: %d", status)
	}
}

// TestReachedServiceEnds has the service that another one asks end and come back, takes the grant away, and opens no sockets for any
// of the requests.
func TestReachedServiceEnds(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	binary, err := os.ReadFile(examples + "/rust/fetch.wasm")
	if err != nil {
		t.Fatal(err)
	}
	module := d.Push(t, binary)
	front, back := testkit.FreeAddress(t), testkit.FreeAddress(t)
	first := serve(t, d, module, front, &reactorv1.HttpService{}, "http://"+back)
	ask := func() (status int) {
		status, body := get(t, "http://"+front+"/stream?http://"+back+"/nothing")
		_, _ = io.Copy(io.Discard, body)
		return status
	}
	const unanswered = http.StatusInternalServerError // the program fails then
	if status := ask(); status != unanswered {
		t.Errorf("before the other service is there: %d", status)
	}
	for range 2 { // the second one is another workload
		second := serve(t, d, module, back, &reactorv1.HttpService{})
		for range 20 {
			if status := ask(); status != http.StatusNotFound {
				t.Errorf("the other service is there: %d", status)
			}
		}
		if log, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: second}); strings.Count(log, "workload:"+first+" GET /nothing") != 20 {
			t.Errorf("not all requests have come without sockets:\n%s", log)
		}
		if connections := d.Status(t, second).GetService().GetConnections(); connections > 20 {
			t.Errorf("%d connections", connections)
		}
		d.Cancel(t, second)
		if status := ask(); status != unanswered {
			t.Errorf("the other service has ended: %d", status)
		}
	}
	serve(t, d, module, back, &reactorv1.HttpService{})
	if _, err := d.Workloads.RevokeGrants(t.Context(), &reactorv1.RevokeGrantsRequest{Id: first, Indices: []uint32{1}}); err != nil {
		t.Fatal(err)
	}
	if status := ask(); status != unanswered {
		t.Errorf("without the grant: %d", status)
	}
}
