package demo

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/screen"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func ended(state reactorv1.WorkloadState, message string) *reactorv1.Workload {
	return &reactorv1.Workload{Status: &reactorv1.WorkloadStatus{State: state, Message: message}}
}

func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := newTally(3, 2)
		tally.begin(&reactorv1.Stats{ResidentBytes: 10 << 20})
		time.Sleep(time.Second) // of the bubble's clock
		tally.addSubmitted(3)
		tally.addStats(&reactorv1.Stats{Waiting: 1, ResidentBytes: 90 << 20})
		tally.addStats(&reactorv1.Stats{Waiting: 2, ResidentBytes: 12 << 20})
		tally.addStats(&reactorv1.Stats{Waiting: 0, ResidentBytes: 50 << 20})
		time.Sleep(3 * time.Second)
		if tally.addEnd(ended(reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED, "")) ||
			tally.addEnd(ended(reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, "it trapped")) {
			t.Error("it was done before the last")
		}
		if !tally.addEnd(ended(reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED, "cancelled")) {
			t.Error("it was not done after the last")
		}
		<-tally.done
		got := tally.report(&reactorv1.Stats{
			WaitingPeak:     3,
			WakeLatenessP50: durationpb.New(250 * time.Microsecond),
			WakeLatenessP99: durationpb.New(3 * time.Millisecond),
		}, 6*time.Second)
		want := &report{
			Workloads: 3, Succeeded: 1, Failed: 2, WaitingPeak: 3, RSSPerWaitingBytes: 1 << 20,
			WakeLatenessP50Ms: 0.25, WakeLatenessP99Ms: 3, SubmissionSeconds: 1, DurationSeconds: 4,
			submitted: 3, hogs: 4, hogShare: 0.75, failure: "it trapped",
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(report{}), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

func TestReportJSON(t *testing.T) {
	var b bytes.Buffer
	r := &report{Workloads: 1, Succeeded: 1, DurationSeconds: math.Pi, failure: "not for programs"}
	if err := (Options{Out: &b, Output: outputJSON}).print(r); err != nil {
		t.Fatal(err)
	}
	want := `{"workloads":1,"succeeded":1,"failed":0,"waitingPeak":0,"rssPerWaitingBytes":0,` +
		`"wakeLatenessP50Ms":0,"wakeLatenessP99Ms":0,"submissionSeconds":0,"durationSeconds":3.141592653589793}` + "\n"
	if b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

func text(lines []screen.Line) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.String() + "\n")
	}
	return b.String()
}

func TestReportTable(t *testing.T) {
	r := &report{
		Workloads: 10_000, Succeeded: 9_999, Failed: 1, WaitingPeak: 10_004, RSSPerWaitingBytes: 20 << 10,
		WakeLatenessP50Ms: 0.123, WakeLatenessP99Ms: 1.5, SubmissionSeconds: 1.23, DurationSeconds: 12.34,
		submitted: 10_000, hogs: 4, hogShare: 0.5, failure: "the guest trapped: unreachable, in the function main of the module",
	}
	got, advice, _ := strings.Cut(text(r.lines(80)), "\n\n")
	want := `submitted                 10,000 in 1.2 s, beside 4 hogs
all ended                 after 12.3 s
succeeded                 9,999
failed                    1
most waiting at once      10,004
memory per waiting guest  20.0 KiB
wake lateness             p50 0.12 ms, p99 1.50 ms
hogs' share of the CPU    50 %
first failure             the guest trapped: unreachable, in the function main
                          of the module`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if install, _, ok := strings.Cut(advice, "  reactord  "); !ok || !strings.Contains(install, "go install ./cmd/reactord ./cmd/reactorctl") {
		t.Errorf("it does not tell first how to install what comes next: %s", advice)
	}
	for line := range strings.SplitSeq(advice, "\n") {
		if screen.Width(line) > 80 {
			t.Errorf("this takes more than 80 columns: %s", line)
		}
	}
}

func TestProgressLine(t *testing.T) {
	r := &reading{
		elapsed: 12_340 * time.Millisecond, submitted: 10_000, count: 10_000, succeeded: 1234, failed: 0,
		stats: &reactorv1.Stats{Waiting: 8766, ResidentBytes: 300 << 20, WakeLatenessP99: durationpb.New(560 * time.Microsecond)},
	}
	for room, want := range map[int]string{
		0:   " 12.3 s  submitted 10,000 of 10,000  waiting 8,766  succeeded 1,234  failed 0  memory 300 MiB  wake p99 0.56 ms",
		200: " 12.3 s  submitted 10,000 of 10,000  waiting 8,766  succeeded 1,234  failed 0  memory 300 MiB  wake p99 0.56 ms",
		80:  " 12.3 s  submitted 10,000 of 10,000  waiting 8,766  succeeded 1,234  failed 0",
		40:  " 12.3 s  submitted 10,000 of 10,000",
		20:  " 12.3 s  submitted …",
	} {
		if got := r.line(room).String(); got != want {
			t.Errorf("in %d columns:\n%q, want\n%q", room, got, want)
		}
	}
}
