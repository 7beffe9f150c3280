package top

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/screen"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC //nolint:gosmopolitan // the screen has the time of day
	os.Exit(m.Run())
}

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// reading is a reading of a busy node, so long after its start.
func reading(after time.Duration) *Reading {
	at := start.Add(after)
	ago := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(at.Add(-d)) }
	seconds := uint64(after / time.Second)
	r := &Reading{
		Node: &reactorv1.Node{Version: "1.2.3", StartTime: timestamppb.New(start), ProcessId: 7, Workers: 4, MemoryBytes: 12 << 30},
		Stats: &reactorv1.Stats{
			Time: timestamppb.New(at), Running: 12, Waiting: 49614, Pending: 3, ResidentBytes: 3 << 29, GuestMemoryBytes: 1 << 30, HeapBytes: 80 << 20,
			ReadySeconds: 2.25 * after.Seconds(), Descriptors: 9312, MaxDescriptors: 786432,
			BusyTime: durationpb.New(after * 3 / 2), Resumes: 12000 * seconds, Succeeded: 100 * seconds, Failed: 2 * seconds,
			WakeLatenessP50: durationpb.New(30 * time.Microsecond), WakeLatenessP99: durationpb.New(560 * time.Microsecond), WakeLatenessMax: durationpb.New(2 * time.Millisecond),
		},
		Summary: &reactorv1.SummarizeOpsResponse{
			Groups: []*reactorv1.OpGroup{
				{Kind: reactorv1.OpKind_OP_KIND_TIMER, Count: 41203, OldestStartTime: ago(192 * time.Second), OldestWorkloadId: "tick-1"},
				{Kind: reactorv1.OpKind_OP_KIND_READ, Target: "api:443", Count: 8411, OldestStartTime: ago(61 * time.Second), OldestWorkloadId: "pull-7"},
			},
			Others: 9, Waiting: 49614, Stuck: 1,
		},
	}
	for i := range 20 {
		w := &reactorv1.Workload{
			Id: fmt.Sprintf("job-%02d", i), Spec: &reactorv1.WorkloadSpec{Name: "compute", Labels: map[string]string{"n": fmt.Sprint(i)}},
			Status: &reactorv1.WorkloadStatus{State: reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, Usage: &reactorv1.Usage{
				CpuShare: 1 / float64(i+1), CpuTime: durationpb.New(time.Duration(20+i%3) * time.Second), PeakMemoryBytes: uint64(1+i%5) << 20, Fuel: uint64(i) * 1e9,
			}},
		}
		if i == 2 {
			w.Spec.Name = "evil \x1b[31m\u202e name"
			w.Status.State = reactorv1.WorkloadState_WORKLOAD_STATE_WAITING
			w.Status.WaitingFor = []*reactorv1.Op{{Kind: reactorv1.OpKind_OP_KIND_READ, Target: "api:443"}, {Kind: reactorv1.OpKind_OP_KIND_TIMER}}
		}
		r.Busiest = append(r.Busiest, w)
		r.Oldest = append(r.Oldest, &reactorv1.Op{
			WorkloadId: fmt.Sprintf("server-%02d", i), Kind: reactorv1.OpKind_OP_KIND_ACCEPT, Target: fmt.Sprintf("127.0.0.1:%d", 8000+i),
			StartTime: ago(after - time.Duration(i)*time.Minute), Grant: fmt.Sprintf("--listen 127.0.0.1:%d", 8000+i),
		})
	}
	r.Oldest[1].Deadline, r.Oldest[1].Transferred = timestamppb.New(at.Add(30*time.Second)), 5<<20
	return r
}

// seen returns a model that has had two readings, and keys.
func seen(keys ...string) *Model {
	m := New("unix:///run/reactord.sock", Filter{}, func() {})
	m.OnReading(reading(3 * time.Hour))
	m.OnReading(reading(3*time.Hour + 2*time.Second))
	press(m, keys...)
	return m
}

func press(m *Model, keys ...string) (end bool) {
	for _, key := range keys {
		end = m.OnKey(key)
	}
	return end
}

// filtered returns a model after a reading with a filter.
func filtered(filter string) *Model {
	m := seen("/")
	press(m, strings.Split(filter, "")...)
	press(m, "enter")
	r := reading(3*time.Hour + 4*time.Second)
	r.Filter = m.Requests().Filter
	m.OnReading(r)
	return m
}

// checkScreen compares lines with a file of testdata. UPDATE_SCREENS=1 writes the file.
func checkScreen(t *testing.T, name string, lines []screen.Line) {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	file := filepath.Join("testdata", name+".txt")
	if os.Getenv("UPDATE_SCREENS") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestScreens(t *testing.T) {
	gone := seen()
	gone.OnOutage("the daemon at unix:///run/reactord.sock is gone; waiting for it, 1m0s at most")
	refused := seen()
	refused.OnRefusal("label_selector: a label is missing")
	long := New("unix:///home/somebody/.local/state/reactord/reactord.sock", Filter{}, func() {})
	for after := range 2 {
		r := reading(3*time.Hour + time.Duration(after)*time.Second)
		r.Node.Version = "v1.2.4-0.20261126150000-0123456789ab+dirty"
		long.OnReading(r)
	}
	lost := New(long.address, Filter{}, func() {})
	lost.OnReading(long.reading)
	lost.OnOutage("the daemon at " + long.address + " is gone; waiting for it, 1m0s at most")
	for name, s := range map[string]struct {
		model         *Model
		columns, rows int
	}{
		"nothing-80x24":  {New("here:1", Filter{}, func() {}), 80, 24},
		"first-80x24":    {seen(), 80, 24},
		"first-200x50":   {seen(), 200, 50},
		"narrow-40x24":   {seen(), 40, 24},
		"low-80x12":      {seen("tab"), 80, 12},
		"scrolled-80x24": {seen("down", "down", "tab", "pgdown", "end"), 80, 24},
		"memory-80x24":   {seen("M", "I"), 80, 24},
		"time-80x24":     {seen("T"), 80, 24},
		"ids-80x24":      {seen("N", "I"), 80, 24},
		"typing-80x24":   {seen("/", "a", "p", "p", "=", "x", "backspace", "w"), 80, 24},
		"wrong-80x24":    {seen("/", "k", "i", "n", "d", ":", "x", "enter"), 80, 24},
		"filtered-80x24": {filtered("accept :801"), 80, 24},
		"help-80x24":     {seen("?"), 80, 24},
		"gone-80x24":     {gone, 80, 24},
		"refused-80x24":  {refused, 80, 24},
		"long-80x24":     {long, 80, 24},
		"lost-80x24":     {lost, 80, 24},
	} {
		t.Run(name, func(t *testing.T) {
			s.model.Lines(s.columns, s.rows) // the keys that scroll by pages know the size by now
			checkScreen(t, name, s.model.Lines(s.columns, s.rows))
		})
	}
	checkScreen(t, "plain", seen().Plain())
}

// However large the terminal is, what is shown fits, and it can be scrolled from one end to the other.
func TestEverySize(t *testing.T) {
	for columns := 1; columns < 230; columns += 19 {
		for rows := 1; rows < 70; rows += 3 {
			m := seen("tab", "end")
			for range 3 {
				lines := m.Lines(columns, rows)
				if len(lines) > rows {
					t.Fatalf("%d by %d: %d lines", columns, rows, len(lines))
				}
				for _, line := range lines {
					if line.Width() > columns {
						t.Fatalf("%d by %d: this is too wide: %s", columns, rows, line)
					}
				}
				press(m, "tab", "pgdown", "up", "end")
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for _, key := range []string{"q", "Q", "f10"} {
		if !press(seen(), key) {
			t.Errorf("%s does not end it", key)
		}
	}
	for _, keys := range [][]string{{"x"}, {"enter"}, {"/", "q"}, {"?", "q"}, {"up"}, {"esc"}, {"ctrl+a"}} {
		if press(seen(), keys...) {
			t.Errorf("%q ends it", keys)
		}
	}
	for _, tt := range []struct{ keys, want string }{
		{"a b", "a b"},
		{"é\u202e\x1b", "é"},
		{strings.Repeat("x", 300), strings.Repeat("x", maxTyped)},
	} {
		m := seen("/")
		press(m, strings.Split(tt.keys, "")...)
		if m.typed != tt.want {
			t.Errorf("%q: %q", tt.keys, m.typed)
		}
	}
}

// A new filter is asked with at once, and what was read with the old one is not taken for its result.
func TestFilterChanges(t *testing.T) {
	asked := 0
	m := New("here", Filter{}, func() { asked++ })
	m.OnReading(reading(time.Hour))
	press(m, "/", "a", "=", "b", "enter")
	if got := m.Requests(); asked != 1 || got.Busiest.GetFilter().GetLabelSelector() != "a=b" || got.Summary.GetLabelSelector() != "a=b" || got.Oldest.GetLabelSelector() != "a=b" {
		t.Errorf("asked %d times: %+v", asked, got)
	}
	late := reading(time.Hour + time.Second)
	late.Stats.Running = 99
	if m.OnReading(late); m.reading.Stats.GetRunning() == 99 {
		t.Error("a reading with the filter of before was taken")
	}
	if press(m, "esc"); asked != 2 || m.Requests().Busiest.GetFilter().GetLabelSelector() != "" {
		t.Errorf("Esc: asked %d times: %+v", asked, m.Requests())
	}
}

func TestParseFilter(t *testing.T) {
	running := reading(time.Hour).Busiest[0]
	waiting := reading(time.Hour).Busiest[2]
	op := reading(time.Hour).Oldest[3]
	for _, tt := range []struct {
		text                 string
		running, waiting, op bool
	}{
		{"", true, true, true},
		{"JOB", true, true, false},
		{"job-00", true, false, false},
		{"kind:read", false, true, true}, // the daemon has selected operations
		{"n=2", true, true, true},        // and labels
		{"timer", false, true, false},
		{"api:443", false, true, false},
		{"running comp", true, false, false},
		{"server-03", false, false, true},
		{"listen:", false, false, true},
	} {
		f, err := ParseFilter(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if f.workload(running) != tt.running || f.workload(waiting) != tt.waiting || f.op(op) != tt.op {
			t.Errorf("%q: %t, %t, %t", tt.text, f.workload(running), f.workload(waiting), f.op(op))
		}
	}
	for _, text := range []string{"state:asleep", "state:failed", "kind:x", "kind:unspecified"} {
		if _, err := ParseFilter(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// What happens per second is known between readings of one daemon, and not across its restart.
func TestRates(t *testing.T) {
	m := seen()
	if got := m.rates; got.cpu < 1.49 || got.cpu > 1.51 || got.resumes != 12000 || got.ended != 102 || got.ready != 2.25 {
		t.Errorf("%+v", got)
	}
	again := reading(3*time.Hour + 4*time.Second)
	again.Node.ProcessId++
	again.Stats.BusyTime = nil
	if m.OnReading(again); m.rates.known {
		t.Errorf("after a restart: %+v", m.rates)
	}
}

// FuzzKeys: whatever keys are pressed and texts are read, the screen has no control characters and fits.
func FuzzKeys(f *testing.F) {
	f.Add("/abc\n", 80, 24)
	f.Fuzz(func(t *testing.T, keys string, columns, rows int) {
		columns, rows = 1+(columns&0xff), 1+(rows&0x7f)
		names := map[rune]string{'\n': "enter", '\x1b': "esc", '\t': "tab", '\x7f': "backspace", '^': "up", '_': "down", '>': "end", '<': "home", '+': "pgdown"}
		m := seen()
		for _, r := range keys {
			key := string(r)
			if name := names[r]; name != "" {
				key = name
			}
			m.OnKey(key)
			for _, line := range m.Lines(columns, rows) {
				if text := line.String(); strings.ContainsAny(text, "\x1b\n\u202e") || line.Width() > columns {
					t.Fatalf("%q", text)
				}
			}
		}
	})
}
