package fetch

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const examples = "../../examples/fetch"

// upstream serves what the programs fetch.
type upstream struct {
	*httptest.Server
	goOn chan struct{} // the second half of /halves is sent for each
}

// newUpstream starts one. It answers /1 to /10 when all ten are asked for, so a program that asks for one after the other gets no
// answer.
func newUpstream(t *testing.T) *upstream {
	u := &upstream{goOn: make(chan struct{})}
	var mu sync.Mutex
	asked, all := 0, make(chan struct{})
	handler := http.NewServeMux()
	handler.HandleFunc("GET /{n}", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if asked++; asked == 10 {
			asked = 0
			close(all)
			all = make(chan struct{})
			mu.Unlock()
		} else {
			now := all
			mu.Unlock()
			select {
			case <-now:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, "page %s\n", r.PathValue("n"))
	})
	handler.HandleFunc("GET /halves", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-u.goOn:
			fmt.Fprint(w, "second\n")
		case <-r.Context().Done():
		}
	})
	u.Server = httptest.NewServer(handler)
	t.Cleanup(u.Close)
	return u
}

// client is one that doesn't wait for ever. It makes a connection for each request, which ends with it.
var client = &http.Client{Timeout: testkit.Patience, Transport: &http.Transport{DisableKeepAlives: true}}

// get asks a program that has begun to serve, or is about to.
func get(t *testing.T, url string) *http.Response {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); ; time.Sleep(10 * time.Millisecond) {
		response, err := client.Get(url)
		if err == nil {
			t.Cleanup(func() { response.Body.Close() })
			return response
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// testProgram tests what all of the programs do. address is where one serves.
func testProgram(t *testing.T, address string) {
	u := newUpstream(t)
	if r := get(t, "http://"+address+"/nothing"); r.StatusCode != http.StatusNotFound {
		t.Errorf("what is not there: %s", r.Status)
	}
	var want strings.Builder
	for n := range 10 {
		fmt.Fprintf(&want, "page %d\n", n+1)
	}
	ten := get(t, "http://"+address+"/ten?"+u.URL)
	if body, err := io.ReadAll(ten.Body); err != nil || ten.StatusCode != http.StatusOK || string(body) != want.String() {
		t.Errorf("ten: %s, %q, %v", ten.Status, body, err)
	}
	streamed := get(t, "http://"+address+"/stream?"+u.URL+"/halves")
	first := make([]byte, len("first\n"))
	if _, err := io.ReadFull(streamed.Body, first); err != nil || string(first) != "first\n" {
		t.Fatalf("the first half: %q, %v", first, err)
	}
	u.goOn <- struct{}{}
	if rest, err := io.ReadAll(streamed.Body); err != nil || string(rest) != "second\n" {
		t.Errorf("the second half: %q, %v", rest, err)
	}
}

func TestGo(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, testkit.GoGuest(t, examples+"/go"))
	address := testkit.FreeAddress(t)
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{
		{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}},
		{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: "127.0.0.1:*"}}},
	}})
	testProgram(t, address)
	d.Cancel(t, id)
}
