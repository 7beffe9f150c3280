package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/browser"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

var pageAt = regexp.MustCompile(`"the page for browsers","at":"([^"]+)"`)

// pageOf returns where a daemon serves the page for browsers.
func pageOf(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	at := pageAt.FindStringSubmatch(d.Log())
	if at == nil {
		t.Fatalf("no page is served\n%s", d.Log())
	}
	return at[1]
}

// startWithPage starts a daemon whose API is at a socket, and which serves the page at an address.
func startWithPage(t *testing.T, dir, at string) *testkit.Daemon {
	t.Helper()
	return testkit.StartGuarded(t, dir, nil, "--listen=unix:"+filepath.Join(dir, "s"), "--grace-period=none", "--ui="+at)
}

// calm fails the test for what the page must not have done.
func calm(t *testing.T, p *browser.Page) {
	t.Helper()
	for _, fault := range p.Faults() {
		t.Errorf("the page: %s", fault)
	}
}

// seen is an expression that says whether the page shows a text.
func seen(text string) string { return fmt.Sprintf("document.body.innerText.includes(%q)", text) }

// submitOn submits workloads of the tool that have labels.
func submitOn(t *testing.T, d *testkit.Daemon, id, app string, args ...string) {
	t.Helper()
	_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Id: id, Spec: &reactorv1.WorkloadSpec{
		Module: d.Push(t, tool(t)), Name: "the " + app, Args: args, Labels: map[string]string{"app": app},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestUI: what somebody does who has the token, by keys alone.
func TestUI(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := startWithPage(t, dir, "127.0.0.1:0")
	submitOn(t, d, "sleeper", "web", "lines", "3", "and sleep")
	submitOn(t, d, "failure", "job", "exit", "3")
	d.WaitFor(t, "failure")
	at := pageOf(t, d)
	p := browser.Start(t).Page(1200, 900)

	p.Open(at)
	p.Wait(seen("Sign in"))
	p.Type("not the token, though it is as long as one")
	p.Key("Enter")
	p.Wait(seen("this is not the daemon's token"))
	p.Type(token(t, dir))
	p.Key("Enter")
	p.Wait(seen("1 live, 0 queued"))
	p.Wait(seen("takes work"))

	p.Key("w")
	p.Wait(`document.querySelectorAll("tbody tr").length === 2`)
	p.Key("/")
	p.Type("app=web")
	p.Wait(`document.querySelectorAll("tbody tr").length === 1 && document.querySelector("tbody a").textContent === "sleeper"`)
	if address := p.Eval("location.hash"); address != "#/workloads?filter=app%3Dweb" {
		t.Errorf("the address is %v", address)
	}
	submitOn(t, d, "another", "web", "sleep", "1h")
	p.Wait(`document.querySelector("tbody a").textContent === "another"`)
	p.Key("Enter")
	p.Key("ArrowDown")
	p.Key("Enter")

	p.Wait(seen("line 2 of the output"))
	p.Wait(seen("timer"))
	p.Key("p")
	p.Wait(seen("paused"))
	p.Key("p")
	p.Wait("!" + seen("paused"))
	p.Key("c")
	p.Wait(`document.querySelector("dialog[open]")`)
	p.Key("Escape")
	p.Wait(`!document.querySelector("dialog[open]")`)
	if state := d.Status(t, "sleeper").GetState(); state != waiting {
		t.Errorf("it is %v, though it was not to be cancelled", state)
	}
	p.Key("c")
	p.Wait(`document.querySelector("dialog[open]")`)
	p.Key("Tab")
	p.Key("Enter")
	p.Wait(seen("cancelled"))
	if state := d.WaitFor(t, "sleeper").GetState(); state != cancelled {
		t.Errorf("it is %v", state)
	}
	p.Wait(seen("this is all"))
	p.Wait("!" + seen("Pause"))
	p.Key("p")
	p.Wait("!" + seen("paused"))
	p.Key("Escape")
	p.Wait(`location.hash === "#/workloads?filter=app%3Dweb"`)
	p.Key("?")
	p.Wait(`document.querySelector("dialog[open]")`)
	p.Key("Escape")

	p.Eval(`location.hash = "#/workloads?state=FAILED"`)
	p.Wait(`document.querySelectorAll("tbody tr").length === 1 && document.querySelector("tbody a").textContent === "failure"`)
	p.Eval(`location.hash = "#/workloads?filter=there-is-none"`)
	p.Wait(seen("no workload has the id there-is-none; labels are app=web"))
	p.Eval(`location.hash = "#/workloads?filter=app%3D%3D%3D"`)
	p.Wait(seen("label_selector"))
	calm(t, p)

	d.Stop()
	p.Wait(seen("The connection to the daemon is lost."))
	startWithPage(t, dir, strings.Trim(strings.TrimPrefix(at, "http://"), "/"))
	p.Wait("!" + seen("The connection to the daemon is lost."))
	calm(t, p)
}

// TestUIInFlood: when workloads come and go faster than a page can show, it shows the newest after a while. The browser speaks HTTP/2,
// over TLS.
func TestUIInFlood(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	f := newFiles(t)
	testkit.NewAuthority(t).Issue("reactord.test", f.cert, f.key)
	d := testkit.StartGuarded(t, dir, nil, append(f.flags(), "--listen=unix:"+filepath.Join(dir, "s"), "--ui=127.0.0.1:0")...)
	p := browser.Start(t, "--ignore-certificate-errors").Page(1200, 900)
	p.Open(pageOf(t, d) + "#token=" + token(t, dir))
	p.Wait(`location.hash === "#/"`)
	p.Eval(`location.hash = "#/workloads"`)
	p.Wait(seen("0 workloads"))
	if used := p.Eval(`performance.getEntriesByType("navigation")[0].nextHopProtocol`); used != "h2" {
		t.Errorf("the page comes over %v", used)
	}
	ids := d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"exit", "0"}}, 1500)
	for _, id := range ids {
		d.WaitFor(t, id)
	}
	p.Wait(fmt.Sprintf(`document.querySelector("tbody a")?.textContent === %q`, ids[len(ids)-1]))
	p.Wait(seen("there are more"))
	p.Wait(`![...document.querySelectorAll("tbody .state")].some(state => state.textContent !== "succeeded")`)
	if rows, ok := p.Eval(`document.querySelectorAll("tbody tr").length`).(float64); !ok || rows > 1000 {
		t.Errorf("the page has %v rows", rows)
	}
	loud := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"yes"}})
	p.Eval(`location.hash = "#/workloads/" + "` + loud + `"`)
	p.Wait(seen("a part is left out"))
	d.Cancel(t, loud)
	p.Wait(seen("this is all"))
	if lines, ok := p.Eval(`document.querySelectorAll(".log div").length`).(float64); !ok || lines > 5000 {
		t.Errorf("the page keeps %v lines", lines)
	}
	calm(t, p)
}

// TestUIOnPhone: a token in the address is taken out of it, and no view is wider than a phone.
func TestUIOnPhone(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := startWithPage(t, dir, "127.0.0.1:0")
	id := "an-id-that-is-as-long-as-they-may-be-" + strings.Repeat("x", 80)
	submitOn(t, d, id, strings.Repeat("label", 12), "lines", "100", "and sleep")
	p := browser.Start(t).Page(360, 700)
	p.Open(pageOf(t, d) + "#token=" + token(t, dir))
	for hash, text := range map[string]string{
		"#/node": "takes work", "#/workloads": id, "#/workloads/" + id: "line 99 of",
		"#/workloads?filter=" + id + "x": "no workload", "#/workloads/" + id + "x": "no workload", "#/" + id: "There is nothing",
	} {
		p.Wait(`location.hash.startsWith("#/")`)
		p.Eval("location.hash = '" + hash + "'")
		p.Wait(seen(text))
		if width := p.Eval("document.documentElement.scrollWidth"); width != 360.0 {
			t.Errorf("%s is %v wide", hash, width)
		}
	}
	calm(t, p)
}

// trapNamed is a module whose function of some name traps.
func trapNamed(name string) []byte {
	section := func(id byte, parts ...[]byte) []byte {
		var body []byte
		for _, part := range parts {
			body = append(body, part...)
		}
		return append([]byte{id, byte(len(body))}, body...)
	}
	text := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range [][]byte{
		section(1, []byte{1, 0x60, 0, 0}),
		section(3, []byte{1, 0}),
		section(5, []byte{1, 0, 1}),
		section(7, []byte{2}, text("_start"), []byte{0, 0}, text("memory"), []byte{2, 0}),
		section(10, []byte{1, 3, 0, 0x00, 0x0b}),
		section(0, text("name"), section(1, []byte{1, 0}, text(name))),
	} {
		module = append(module, s...)
	}
	return module
}

// TestUIHostileText: scripts in names, arguments, output and traps are text on the page.
func TestUIHostileText(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	const script = `<script>alert(1)</script>`
	const image = `<img src=x onerror=alert(2)>`
	said := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, tool(t)), Name: script + image + `"'>javascript:alert(3)`,
		Args: []string{"hello", script, image, "\x1b[31m\x1b]0;title\x07 \u202eturned"},
	})
	d.WaitFor(t, said)
	trapped := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, trapNamed(image)), Name: image})
	if status := d.WaitFor(t, trapped); status.GetReason() != reactorv1.EndReason_END_REASON_TRAP {
		t.Fatal(status)
	}
	at := pageOf(t, d)
	p := browser.Start(t).Page(1200, 900)
	p.Open(at)
	p.Wait(seen("takes work"))
	for hash, texts := range map[string][]string{
		"#/workloads":            {script, image, "javascript:alert(3)"},
		"#/workloads/" + said:    {script, image, `args [`},
		"#/workloads/" + trapped: {"at " + image},
		"#/workloads/%3Cscript%3Ealert(4)%3C%2Fscript%3E": {"no workload", "<script>alert(4)</script>"},
		"#/%3Cscript%3Ealert(5)%3C%2Fscript%3E%1B":        {"There is nothing", "<script>alert(5)</script>␛"},
		"#/workloads?filter=%3Cscript%3Ealert%1B":         {"no workload has the id <script>alert␛"},
		"#/workloads?filter=module:%3Cscript%3E":          {"module", "<script>"},
		"#/workloads?filter=%3Cimg%3D":                    {"label_selector"},
	} {
		p.Eval("location.hash = '" + hash + "'")
		for _, text := range texts {
			p.Wait(seen(text))
		}
		if n := p.Eval(`document.querySelectorAll("main script, main img, main a[href^='javascript']").length`); n != 0.0 {
			t.Errorf("%s has %v elements of hostile text", hash, n)
		}
		if text, _ := p.Eval("document.body.innerText").(string); strings.ContainsAny(text, "\x1b\x07\u202e") {
			t.Errorf("%s has control characters: %q", hash, text)
		}
	}
	calm(t, p)
	if got := p.Eval(`(() => { try { document.body.innerHTML = "<b>"; return "markup" } catch { return "refused" } })()`); got != "refused" {
		t.Errorf("text becomes %v", got)
	}
}

// TestUIFromElsewhere: pages of other origins do nothing by the page's address, though no token is needed.
func TestUIFromElsewhere(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	submitOn(t, d, "victim", "web", "sleep", "1h")
	at := pageOf(t, d)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>elsewhere</title><iframe src=%q></iframe>`, at)
	}))
	defer elsewhere.Close()
	b := browser.Start(t, "--host-resolver-rules=MAP evil.example 127.0.0.1")
	p := b.Page(800, 600)
	p.Open(elsewhere.URL)
	p.Wait(`document.title === "elsewhere" && document.readyState === "complete"`)
	if frames := p.Frames(); len(frames) != 1 || strings.HasPrefix(frames[0], at) {
		t.Errorf("the page is in a frame: %v", frames)
	}
	for name, options := range map[string]string{
		"as the page does": `{method: "POST", headers: {"Content-Type": "application/json", "Connect-Protocol-Version": "1"}, body: '{"ids":["victim"]}'}`,
		"as a form does":   `{method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: '{"ids":["victim"]}'}`,
	} {
		got := p.Eval(`fetch("` + at + `reactor.v1.WorkloadService/CancelWorkloads", ` + options + `).then(r => r.type + r.status, e => "refused")`)
		if got != "refused" && got != "opaque0" {
			t.Errorf("a call %s: %v", name, got)
		}
	}
	if got := p.Eval(`fetch("` + at + `").then(r => r.text(), e => "refused")`); got != "refused" {
		t.Errorf("the page is read: %v", got)
	}
	if state := d.Status(t, "victim").GetState(); state != running && state != waiting {
		t.Errorf("the workload is %v", state)
	}

	p = b.Page(800, 600)
	p.Open(strings.Replace(at, "127.0.0.1", "evil.example", 1))
	p.Wait(seen("this page is not at that name"))
}
