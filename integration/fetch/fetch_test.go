package fetch

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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
func get(t *testing.T, url string) (status int, body io.Reader) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); ; time.Sleep(10 * time.Millisecond) {
		response, err := client.Get(url)
		if err == nil {
			t.Cleanup(func() { response.Body.Close() })
			return response.StatusCode, response.Body
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// testProgram tests what all of the programs do. address is where one serves, and u what it may fetch from.
func testProgram(t *testing.T, address string, u *upstream) {
	if status, _ := get(t, "http://"+address+"/nothing"); status != http.StatusNotFound {
		t.Errorf("what is not there: status %d", status)
	}
	var want strings.Builder
	for n := range 10 {
		fmt.Fprintf(&want, "page %d\n", n+1)
	}
	status, body := get(t, "http://"+address+"/ten?"+u.URL)
	if pages, err := io.ReadAll(body); err != nil || status != http.StatusOK || string(pages) != want.String() {
		t.Errorf("ten: status %d, %q, %v", status, pages, err)
	}
	_, body = get(t, "http://"+address+"/stream?"+u.URL+"/halves")
	first := make([]byte, len("first\n"))
	if _, err := io.ReadFull(body, first); err != nil || string(first) != "first\n" {
		t.Fatalf("the first half: %q, %v", first, err)
	}
	u.goOn <- struct{}{}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "second\n" {
		t.Errorf("the second half: %q, %v", rest, err)
	}
}

// testService tests a component that reactorctl serves.
func testService(t *testing.T, component string) { testServiceWith(t, component, newUpstream(t)) }

func testServiceWith(t *testing.T, component string, u *upstream) {
	d := testkit.Start(t, t.TempDir())
	address := testkit.FreeAddress(t)
	serve := exec.CommandContext(t.Context(), testkit.Binary(t, "reactorctl"), "serve", "--listen", address, "--http", u.URL, component)
	serve.Env = append(os.Environ(), "REACTORD_ADDR="+d.Address)
	serve.Cancel = func() error { return serve.Process.Signal(os.Interrupt) }
	var said bytes.Buffer
	serve.Stdout, serve.Stderr = &said, &said
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	defer func() {
		_ = serve.Process.Signal(os.Interrupt)
		if err := <-ended; serve.ProcessState.ExitCode() != 130 {
			t.Errorf("serve ended with %v:\n%s", err, &said)
		}
	}()
	testProgram(t, address, u)
}

func TestRust(t *testing.T) { testService(t, examples+"/rust/fetch.wasm") }
func TestC(t *testing.T)    { testService(t, examples+"/c/fetch.wasm") }

// TestByName grants an origin by its name, which the daemon looks up.
func TestByName(t *testing.T) {
	u := newUpstream(t)
	u.URL = strings.Replace(u.URL, "127.0.0.1", "localhost", 1)
	testServiceWith(t, examples+"/c/fetch.wasm", u)
}

// TestPython builds the component, of 21 MB, where componentize-py is; so does TestJavaScript with componentize-js.
func TestPython(t *testing.T) {
	testService(t, build(t, "python", "componentize-py --version", "componentize-py 0.25.1"))
}

func TestJavaScript(t *testing.T) {
	testService(t, build(t, "javascript", "componentize-js --version", "0.23.0"))
}

// build builds the component of a language, if a tool has a version.
func build(t *testing.T, language, command, version string) (component string) {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds a large component")
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != version {
		t.Skipf("it is built with %s: %s gives %q, %v", version, command, out, err)
	}
	fetch := exec.CommandContext(t.Context(), "cargo", "fetch", "--locked")
	fetch.Dir = filepath.Join(examples, "rust")
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Skipf("the crate that has the WIT of WASI is not to be had: %v\n%s", err, out)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(examples, language, "build.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "fetch.wasm")
}

func TestGo(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, testkit.GoGuest(t, examples+"/go"))
	address := testkit.FreeAddress(t)
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Grants: []*reactorv1.Grant{
		{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}},
		{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: "127.0.0.1:*"}}},
	}})
	testProgram(t, address, newUpstream(t))
	d.Cancel(t, id)
}
