package logs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	stdout = reactorv1.OutputStream_OUTPUT_STREAM_STDOUT
	stderr = reactorv1.OutputStream_OUTPUT_STREAM_STDERR
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)

// run is a run of output of an attempt, some seconds after noon.
func run(stream reactorv1.OutputStream, attempt uint32, seconds int, data string, missing uint64) *reactorv1.ReadLogsResponse {
	return &reactorv1.ReadLogsResponse{
		Stream: stream, Attempt: attempt, Data: []byte(data), MissingBytes: missing,
		Time: timestamppb.New(noon.Add(time.Duration(seconds) * time.Second)),
	}
}

// began says when the attempt was started.
func began(us int64, r *reactorv1.ReadLogsResponse) *reactorv1.ReadLogsResponse {
	r.AttemptStartUs = us
	return r
}

func TestPrinter(t *testing.T) {
	zone := noon.Format("Z07:00")
	for _, tc := range []struct {
		name       string
		prefix     string
		timestamps bool
		runs       []*reactorv1.ReadLogsResponse
		want       string // what is written to stderr is in brackets, remarks in angle brackets
	}{
		{"unchanged", "", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, "a\nb", 0), run(stderr, 1, 0, "e", 0), run(stdout, 1, 0, "\x1b[1mc", 0),
		}, "a\nb[e]\x1b[1mc"},
		{"a gap, and another at the end", "", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, "a\n", 0), run(stdout, 1, 0, "b", 5_123_400), {MissingBytes: 7, DroppedBytes: 5_123_407, Offset: 5_123_409},
		}, "a\n<... 5,123,400 bytes were not kept ...\n>b<\n... 7 bytes were not kept ...\n>"},
		{"attempts", "", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, "a\n", 0), run(stdout, 2, 0, "b", 0), run(stdout, 2, 0, "c", 0), run(stdout, 4, 0, "d\n", 0),
		}, "a\n<--- attempt 2 ---\n>bc<\n--- attempt 4 ---\n>d\n"},
		{"an attempt that is started again", "", false, []*reactorv1.ReadLogsResponse{
			began(7, run(stdout, 1, 0, "a\n", 0)), run(stdout, 1, 0, "b\n", 0), began(7, run(stdout, 1, 0, "c\n", 0)),
			began(8, run(stdout, 1, 0, "a\n", 0)), began(8, run(stdout, 1, 0, "b\n", 0)), began(9, run(stdout, 2, 0, "a\n", 0)),
		}, "a\nb\nc\n<--- attempt 1, started again ---\n>a\nb\n<--- attempt 2 ---\n>a\n"},
		{"the end only", "", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 3, 0, "a\n", 0), {DroppedBytes: 9, Offset: 11},
		}, "a\n"},
		{"an older daemon", "", false, []*reactorv1.ReadLogsResponse{
			{Stream: stdout, Data: []byte("a\n")}, {DroppedBytes: 9},
		}, "a\n<... 9 more bytes were not kept ...\n>"},
		{"lines of several", "w1 | ", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, "a\nb", 0), run(stderr, 1, 0, "e\n", 0), run(stdout, 1, 0, "c\n\nd", 3), run(stdout, 2, 0, "x", 0),
		}, "w1 | a\n[w1 | e\n]w1 | b\n<w1 | ... 3 bytes were not kept ...\n>w1 | c\nw1 | \nw1 | d\n<w1 | --- attempt 2 ---\n>w1 | x\n"},
		{"times", "", true, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, "a\nb", 0), run(stdout, 1, 5, "c\nd\n", 0),
		}, "2026-01-02T12:00:00.000" + zone + " a\n2026-01-02T12:00:00.000" + zone + " bc\n2026-01-02T12:00:05.000" + zone + " d\n"},
		{"a line without an end", "w | ", false, []*reactorv1.ReadLogsResponse{
			run(stdout, 1, 0, strings.Repeat("x", maxLine+1), 0), run(stdout, 1, 0, "y", 0),
		}, "w | " + strings.Repeat("x", maxLine+1) + "\nw | y\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var all strings.Builder
			p := &Printer{Out: &all, Err: marked{&all, "[", "]"}, Notes: marked{&all, "<", ">"}, Timestamps: tc.timestamps}
			log := p.Log(tc.prefix)
			for _, r := range tc.runs {
				if err := log.Take(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			if got := all.String(); got != tc.want {
				t.Errorf("got\n%q, want\n%q", got, tc.want)
			}
		})
	}
}

// marked puts marks around what is written.
type marked struct {
	to            *strings.Builder
	before, after string
}

func (m marked) Write(p []byte) (int, error) {
	m.to.WriteString(m.before + string(p) + m.after)
	return len(p), nil
}

// broken is a pipe that nobody reads.
type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestPrinterFails(t *testing.T) {
	for _, prefix := range []string{"", "w | "} {
		log := (&Printer{Out: broken{}, Err: broken{}, Notes: broken{}}).Log(prefix)
		if err := log.Take(run(stdout, 1, 0, "a\n", 0)); !errors.Is(err, errBroken) {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	got := Prefixes([]string{"a", "bcd"})
	if got[0] != "a   | " || got[1] != "bcd | " {
		t.Errorf("%q", got)
	}
}
