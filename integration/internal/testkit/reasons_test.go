package testkit

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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
  // Errors: STORE_FULL, NOT_FOUND. A result may have each error of One.
  rpc Three(A) returns (B);
  // Four has no list.
  rpc Four(A) returns (B);
}
`
	got := parseReasons(text)
	want := Listing{
		Calls: map[string][]string{
			"One":   {"NOT_FOUND", "QUEUE_FULL"},
			"Two":   nil,
			"Three": {"NOT_FOUND", "QUEUE_FULL", "STORE_FULL"},
		},
		Common: []string{"INTERNAL", "DRAINING"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReasonsAreFound: the form of the files is the one that is parsed.
func TestReasonsAreFound(t *testing.T) {
	listing, err := Reasons()
	if err != nil {
		t.Fatal(err)
	}
	if len(listing.Calls) < 20 || !listing.Lists("SubmitWorkload", "WORKLOAD_EXISTS") || !listing.Lists("GetNode", "UNAUTHENTICATED") {
		t.Errorf("found %q", listing)
	}
	if listing.Lists("GetNode", "WORKLOAD_EXISTS") || listing.Lists("GetNothing", "INTERNAL") {
		t.Errorf("found %q", listing)
	}
}

// TestUnlisted: an error that a call does not list is noticed, in a batch too.
func TestUnlisted(t *testing.T) {
	listing, err := Reasons()
	if err != nil {
		t.Fatal(err)
	}
	c := new(reasonCheck)
	c.noteItem("/reactor.v1.WorkloadService/SubmitWorkloads", &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS})
	c.add("/reactor.v1.WorkloadService/GetWorkload", "WORKLOAD_NOT_FOUND")
	if got := c.unlisted(listing); got != nil {
		t.Errorf("unlisted are %q", got)
	}
	c.noteItem("/reactor.v1.WorkloadService/CancelWorkloads", &reactorv1.Error{Reason: reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS})
	c.add("/reactor.v1.NodeService/GetNode", "WORKLOAD_NOT_FOUND")
	if got, want := c.unlisted(listing), []string{"CancelWorkloads: WORKLOAD_EXISTS", "GetNode: WORKLOAD_NOT_FOUND"}; !slices.Equal(got, want) {
		t.Errorf("unlisted are %q, want %q", got, want)
	}
}
