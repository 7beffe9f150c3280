package integration

import (
	"fmt"
	"os"
	"testing"

	"github.com/reactord/reactord/integration/internal/browser"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestUIModules: what the page makes of texts.
func TestUIModules(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	p := browser.Start(t).Page(800, 600)
	p.Open(pageOf(t, d))
	p.Wait(seen("takes work"))
	for _, tt := range []struct{ module, expression, want string }{
		{"filter.js", `Object.values(m.parse("app=web tier!=test,x", "FAILED"))`, `["app=web,tier!=test","","FAILED","x"]`},
		{"filter.js", `Object.values(m.parse("app in (web, api) module:tag !old", ""))`, `["app in (web, api),!old","tag","",""]`},
		{"filter.js", `Object.values(m.parse(" ", ""))`, `["","","",""]`},
		{"format.js", `m.printable("a\u001b[31mb\u001b[0m\u0007\u202e\tc\n")`, `"ab␇�\tc\n"`},
		{"format.js", `[0, 0.00002, 0.25, 59, 61, 3600, 90061].map(m.span)`, `["0","20 µs","250 ms","59 s","1 min 1 s","1 h","1 d 1 h"]`},
		{"format.js", `["0", "1023", 1536, 1 << 30].map(m.size)`, `["0 B","1023 B","1.5 KiB","1.0 GiB"]`},
		{"format.js", `["1", 2, 0].map(n => m.counted(n, "workload"))`, `["1 workload","2 workloads","0 workloads"]`},
		{"chart.js", `[0.001, 0.0011, 1, 3, 7, 10, 42, 128].map(n => m.roundUp(n, 10))`, `[0.001,0.002,1,5,10,10,50,200]`},
		{"chart.js", `[1048576, 1048577, 70e6].map(n => m.roundUp(n, 2))`, `[1048576,2097152,134217728]`},
		{"node.js", `[[], [{time: 0}], [{time: 0}, {time: 90_000}], [{time: 0}, {time: 298_000}]].map(m.reachOf).map(text => text.slice(34))`,
			`[", of which this tab has collected nothing yet.",", of which this tab has collected nothing yet.",", of which this tab has collected 1 min 30 s.","."]`},
		{"rows.js", `[
			{status: {state: "WORKLOAD_STATE_WAITING", waitingFor: [{kind: "OP_KIND_ACCEPT", target: "127.0.0.1:80"}]}},
			{status: {state: "WORKLOAD_STATE_RUNNING"}, spec: {module: "sha256:00"}}, {status: {state: "WORKLOAD_STATE_PENDING"}},
			{status: {state: "WORKLOAD_STATE_PENDING", delay: {message: "no room"}}},
			{status: {state: "WORKLOAD_STATE_SUCCEEDED", reason: "END_REASON_EXIT", exitCode: 0}},
			{status: {state: "WORKLOAD_STATE_FAILED", reason: "END_REASON_TRAP", message: "unreachable"}},
			{status: {state: "WORKLOAD_STATE_CANCELLED", reason: "END_REASON_CANCELLED"}},
		].map(m.what)`, `["accept 127.0.0.1:80","","its turn","no room","exit 0","unreachable","cancelled"]`},
		{"rpc.js", `(() => {
			const frames = new m.Frames(), all = [0, 0, 0, 0, 2, 123, 125, 2, 0, 0, 0, 0], got = [];
			for (const byte of all) {
				frames.push(Uint8Array.of(byte));
				const next = frames.next();
				if (next) got.push(next);
			}
			return got;
		})()`, `[{"end":false,"message":{}},{"end":true,"message":{}}]`},
	} {
		got := p.Eval(fmt.Sprintf(`import("/%s").then(m => JSON.stringify(%s))`, tt.module, tt.expression))
		if got != tt.want {
			t.Errorf("%s: %s is %v, want %s", tt.module, tt.expression, got, tt.want)
		}
	}
}

// TestUITimeline: what the time of a workload is shown as.
func TestUITimeline(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	p := browser.Start(t).Page(800, 600)
	p.Open(pageOf(t, d))
	p.Wait(seen("takes work"))
	for _, tt := range []struct{ name, workload, want string }{
		{"waits in the queue", `{status: {createTime: at(0)}}`, `queued and loaded 100`},
		{"was cancelled there", `{status: {state: "WORKLOAD_STATE_CANCELLED", createTime: at(0), endTime: at(10)}}`, `queued and loaded 10`},
		{"waits again", `{status: {state: "WORKLOAD_STATE_PENDING", attempts: 1, createTime: at(0), startTime: at(10)}}`, `before its next attempt 100`},
		{"has one attempt", one(`startTime: at(10), usage: {cpuTime: "20s", readyTime: "10s", waitingTime: "60s"}`),
			`queued and loaded 10, ready, without a worker 10, computed 20, waited 60`},
		{"has time left", one(`startTime: at(10), usage: {waitingTime: "60s"}`), `queued and loaded 10, waited 60, not accounted for 30`},
		{"is read a little later", one(`startTime: at(10), usage: {waitingTime: "89s"}`), `queued and loaded 10, waited 89`},
		{"has waited before its start", one(`startTime: at(10), usage: {waitingTime: "95s"}`), `queued and loaded 5, waited 95`},
		{"computes beside its waiting", one(`startTime: at(0), usage: {cpuTime: "50s", waitingTime: "90s"}`), `computed 50, waited 90`},
		{"has several attempts", `{status: {state: "WORKLOAD_STATE_WAITING", attempts: 2, createTime: at(0), startTime: at(70), usage: {waitingTime: "90s"}}}`,
			`before this attempt 70, this attempt 30`},
		{"is an idle service", `{spec: {serve: {}}, status: {state: "WORKLOAD_STATE_WAITING", attempts: 1, createTime: at(0), startTime: at(1), usage: {waitingTime: "99s"}}}`,
			`queued and loaded 1, serving 99`},
		{"is a service with busy instances", `{spec: {serve: {}}, status: {state: "WORKLOAD_STATE_WAITING", attempts: 1, createTime: at(0), startTime: at(1), usage: {cpuTime: "300s"}}}`,
			`queued and loaded 1, serving 99`},
	} {
		got := p.Eval(`import("/timeline.js").then(m => {
			const at = second => new Date(1000 * second).toISOString();
			return m.partsOf(` + tt.workload + `, 100_000).filter(p => p.length > 0).map(p => p.name + " " + p.length).join(", ");
		})`)
		if got != tt.want {
			t.Errorf("one that %s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

// one is a workload that waits in its first attempt.
func one(status string) string {
	return `{status: {state: "WORKLOAD_STATE_WAITING", attempts: 1, createTime: at(0), ` + status + `}}`
}

// TestUIGrants: grants are shown in the words of the command line.
func TestUIGrants(t *testing.T) {
	t.Parallel()
	examples, err := os.ReadFile("../cmd/reactorctl/internal/render/testdata/grants.json")
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	p := browser.Start(t).Page(800, 600)
	p.Open(pageOf(t, d))
	p.Wait(seen("takes work"))
	got := p.Eval(`import("/grants.js").then(m => ` + string(examples) + `.filter(e => m.grantText(e.grant) !== e.text).map(e => e.text + " is " + m.grantText(e.grant)).join("\n"))`)
	if got != "" {
		t.Errorf("%v", got)
	}
	for flag, want := range map[string]string{"--connect db=10.0.0.7:5432": "connect:db=10.0.0.7:5432", "--http GET https://a.example": "http:GET https://a.example"} {
		if got := p.Eval(fmt.Sprintf(`import("/grants.js").then(m => m.grantOfOp(%q))`, flag)); got != want {
			t.Errorf("%s is %v", flag, got)
		}
	}

	id := startService(t, d, &reactorv1.HttpService{}).id
	p.Eval(`location.hash = "#/workloads/` + id + `"`)
	p.Wait(seen("listen:127.0.0.1:0"))
	p.Wait(seen("serving"))
	p.Wait(seen("for accept"))
	if _, err := d.Workloads.RevokeGrants(t.Context(), &reactorv1.RevokeGrantsRequest{Id: id, Indices: []uint32{0}}); err != nil {
		t.Fatal(err)
	}
	p.Wait(seen("listen:127.0.0.1:0 (revoked)"))
	calm(t, p)
}

// TestUIDrain: every view says that the daemon drains.
func TestUIDrain(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	p := browser.Start(t).Page(800, 600)
	p.Open(pageOf(t, d))
	p.Wait(seen("takes work"))
	drain := func(undo bool) {
		t.Helper()
		if _, err := d.Node.Drain(t.Context(), &reactorv1.DrainRequest{Undo: undo}); err != nil {
			t.Fatal(err)
		}
	}
	const banner = "draining: it starts no workloads and refuses new ones"
	drain(false)
	p.Wait(seen(banner) + " && !" + seen("takes work"))
	p.Key("w")
	p.Wait(seen("0 workloads") + " && " + seen(banner))
	drain(true)
	p.Wait("!" + seen(banner))
	p.Key("n")
	p.Wait(seen("takes work"))
	calm(t, p)
}

// TestUIMissing: what is said of that which does not exist.
func TestUIMissing(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--ui=127.0.0.1:0")
	submitOn(t, d, "sleeper", "web", "sleep", "1h")
	p := browser.Start(t).Page(800, 600)
	p.Open(pageOf(t, d))
	p.Wait(seen("takes work"))
	for _, tt := range []struct{ hash, text string }{
		{"#/workloads?filter=app%3Dweb", "1 workload"},
		{"#/workloads?filter=web", "no workload has the id web; labels are app=web"},
		{"#/workloads?filter=module%3Asleeper", "no module has the tag sleeper, or a digest that begins so"},
		{"#/workloads/web", "There is no workload with this id"},
		{"#/workload/web", "There is nothing at this address"},
		{"#/node", "takes work"},
	} {
		p.Eval("location.hash = '" + tt.hash + "'")
		p.Wait(seen(tt.text))
		if tt.text == "1 workload" && p.Eval(seen("1 workloads")) == true {
			t.Error("one is several")
		}
		if panels := p.Eval(`document.querySelectorAll(".panel").length`); (panels != 0.0) != (tt.hash == "#/node") {
			t.Errorf("%s has %v panels", tt.hash, panels)
		}
		if hash := p.Eval("location.hash"); hash != tt.hash {
			t.Errorf("%s leads to %v", tt.hash, hash)
		}
	}
	calm(t, p)
}
