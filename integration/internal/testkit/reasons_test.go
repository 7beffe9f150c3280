package testkit

import (
	"slices"
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestParseReasons(t *testing.T) {
	const text = `
// Every call may fail with INTERNAL (a fault), and
// DRAINING. There is more.
enum ErrorReason {}
service S {
  // One does one thing, and says FAILED_PRECONDITION in its text.
  //
  // Errors: NOT_FOUND,
  // QUEUE_FULL.
  rpc One(A) returns (B);
  // Errors: none.
  rpc Two(A) returns (B);
  // Errors: STORE_FULL. A result may have each error of One.
  rpc Three(A) returns (B);
  // Four has no list.
  rpc Four(A) returns (B);
}
`
	got := parseReasons(text)
	for call, want := range map[string][]string{
		"One":   {"NOT_FOUND", "QUEUE_FULL", "INTERNAL", "DRAINING"},
		"Two":   {"INTERNAL", "DRAINING"},
		"Three": {"STORE_FULL", "INTERNAL", "DRAINING", "NOT_FOUND", "QUEUE_FULL", "INTERNAL", "DRAINING"},
		"Four":  nil,
	} {
		if !slices.Equal(got[call], want) {
			t.Errorf("%s: got %q, want %q", call, got[call], want)
		}
	}
}

// TestReasonsAreFound: the form of the files is the one that is parsed.
func TestReasonsAreFound(t *testing.T) {
	calls, err := Reasons()
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) < 20 || !slices.Contains(calls["SubmitWorkload"], "WORKLOAD_EXISTS") || !slices.Contains(calls["GetNode"], "UNAUTHENTICATED") {
		t.Errorf("found %q", calls)
	}
	if slices.Contains(calls["GetNode"], "WORKLOAD_EXISTS") {
		t.Errorf("GetNode has %q", calls["GetNode"])
	}
}

// TestUnlisted: an error that a call does not list is noticed, in a batch too.
func TestUnlisted(t *testing.T) {
	calls, err := Reasons()
	if err != nil {
		t.Fatal(err)
	}
	c := new(reasonCheck)
	c.noteItem("/reactor.v1.WorkloadService/SubmitWorkloads", &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS})
	c.add("/reactor.v1.WorkloadService/GetWorkload", "WORKLOAD_NOT_FOUND")
	if got := c.unlisted(calls); got != nil {
		t.Errorf("unlisted are %q", got)
	}
	c.noteItem("/reactor.v1.WorkloadService/CancelWorkloads", &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS})
	c.add("/reactor.v1.NodeService/GetNode", "WORKLOAD_NOT_FOUND")
	if got, want := c.unlisted(calls), []string{"CancelWorkloads: WORKLOAD_EXISTS", "GetNode: WORKLOAD_NOT_FOUND"}; !slices.Equal(got, want) {
		t.Errorf("unlisted are %q, want %q", got, want)
	}
}
