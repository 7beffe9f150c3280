package bench

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/browser"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// BenchmarkPage measures the page for browsers at 100,000 waiting guests, in a Chromium on the same machine: from the opening of the
// list until it can be read (first-ms), and from a change of the filter until there is what it selects: most of them (common-ms),
// the 100 oldest, by a label (rare-ms) and by their state (state-ms), none (none-ms), one by its id (id-ms). The time that the page
// waits for more keys is part of it. The figures are medians; -max is the longest.
func BenchmarkPage(b *testing.B) {
	const guests, rare, tries = 100_000, 100, 20
	at := regexp.MustCompile(`"the page for browsers","at":"([^"]+)"`)
	for b.Loop() {
		d := testkit.Start(b, b.TempDir(), "--ui=127.0.0.1:0")
		module := d.Push(b, examples.Sleeper)
		short := sleepingProgram(module, 1)
		short.Labels = map[string]string{"rare": "yes"}
		ids := d.SubmitMany(b, short, rare)
		for _, id := range ids {
			d.WaitFor(b, id)
		}
		fill(b, d, sleepingProgram(module, farFuture), guests)
		settle(b, d)
		page := at.FindStringSubmatch(d.Log())[1]
		p := browser.Start(b).Page(1200, 900)

		measure := func(name string, try func(i int) any) {
			var took []float64
			for i := range tries {
				ms, ok := try(i).(float64)
				if !ok {
					b.Fatalf("%s: no time", name)
				}
				took = append(took, ms)
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], name+"-ms")
			b.ReportMetric(took[len(took)-1], name+"-max-ms")
		}
		measure("first", func(i int) any {
			p.Open(fmt.Sprintf("%s?%d#/workloads", page, i)) // another address each time, so that all is loaded
			return p.Eval(`new Promise(done => {
				const look = () => document.querySelectorAll("tbody tr").length >= 100 ? done(performance.now()) : setTimeout(look, 1);
				look();
			})`)
		})
		p.Eval(filterScript)
		for name, filter := range map[string][3]string{
			"common": {"bench=waiting", "", "100"},
			"rare":   {"rare=yes", "", "100"},
			"state":  {"", "SUCCEEDED", "100"},
			"none":   {"bench=nothing", "", "0"},
			"id":     {ids[0], "", "1"},
		} {
			measure(name, func(int) any {
				p.Eval(`filtered("rare=yes,bench=waiting", "FAILED", 0)`)
				return p.Eval(fmt.Sprintf(`filtered(%q, %q, %s)`, filter[0], filter[1], filter[2]))
			})
		}
		if faults := p.Faults(); len(faults) > 0 {
			b.Error(faults)
		}
		empty(b, d)
		d.Stop()
	}
}

// filterScript defines what sets a filter, waits for so many rows and the end of the search, and returns how long that took.
const filterScript = `globalThis.filtered = (text, state, rows) => new Promise(done => {
	const field = document.querySelector("input[name=filter]"), choice = document.querySelector("select[name=state]");
	const before = performance.now();
	choice.value = state;
	field.value = text;
	field.dispatchEvent(new Event("input"));
	const look = () => {
		const note = document.querySelector("main p[role=status]").textContent;
		const there = location.hash === "#/workloads" + (text || state ? "?" : "") + new URLSearchParams(
			Object.entries({filter: text, state}).filter(([, value]) => value));
		there && document.querySelectorAll("tbody tr").length === rows && !note.includes("so far") ? done(performance.now() - before) : setTimeout(look, 1);
	};
	look();
})`
