package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/errs"
)

// trailerBytes is about how many bytes a status takes up in trailers: the message percent-encoded,
// the status in base64, and the names of both.
func trailerBytes(st *status.Status) int {
	encoded := 0
	for i := range len(st.Message()) {
		encoded++
		if c := st.Message()[i]; c < ' ' || c > '~' || c == '%' {
			encoded += 2
		}
	}
	return encoded + (proto.Size(st.Proto())+2)/3*4 + 256
}

func TestErrorsFitIntoTrailers(t *testing.T) {
	const taken = 8 << 10
	for _, unit := range []string{"a", "ü", "%", "\x00", "世"} {
		long := strings.Repeat(unit, 100_000)
		var fields []errs.Field
		for i := range 1000 {
			fields = append(fields, errs.Field{Path: fmt.Sprint(long, i), Description: long})
		}
		for class := range codeOf {
			st := status.Convert(toStatus(t.Context(), &errs.Error{
				Class: class, Message: long, Fields: fields, Resource: errs.Resource{Type: errs.TypeWorkload, Name: long}, Retry: time.Second,
			}))
			if got := trailerBytes(st); got > taken {
				t.Errorf("%v of %q takes %d bytes of trailers", class, unit, got)
			}
			if len(st.Details()) < 4 {
				t.Errorf("%v of %q has lost details: %d are left", class, unit, len(st.Details()))
			}
		}
	}
}

// Of many faults the first are told, and how many more there are.
func TestFieldsAreCounted(t *testing.T) {
	var fields []errs.Field
	for i := range 200 {
		fields = append(fields, errs.Field{Path: fmt.Sprintf("spec.args[%d]", i), Description: "has a NUL"})
	}
	told := badRequest(fields).GetFieldViolations()
	last := len(told) - 1
	if last < 50 || told[0].GetField() != "spec.args[0]" || told[last].GetDescription() != fmt.Sprintf("%d more fields are not valid", 200-last) {
		t.Errorf("told are %d, the last as %v", len(told), told[last])
	}
	if few := badRequest(fields[:3]).GetFieldViolations(); len(few) != 3 || few[2].GetField() != "spec.args[2]" {
		t.Errorf("of three, told are %v", few)
	}
}

func TestClipEncoded(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
	}{
		{"", 0, ""},
		{"short", 5, "short"},
		{"longer", 5, "longe..."},
		{"aü", 4, "a..."},
		{"a%b", 5, "a%b"},
		{"a%b", 4, "a%..."},
	} {
		if got := clipEncoded(tt.text, tt.most); got != tt.want || !utf8.ValidString(got) {
			t.Errorf("clipEncoded(%q, %d) = %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}

// The answer to the largest batch is one that clients take, if all of it is refused.
func TestLargestBatchOfErrors(t *testing.T) {
	err := errs.Invalid(errs.Field{Path: "spec", Description: strings.Repeat("x", 10_000)})
	resp := &reactorv1.SubmitWorkloadsResponse{}
	for range maxBatch {
		resp.Results = append(resp.Results, &reactorv1.SubmitWorkloadsResult{Id: strings.Repeat("i", 128), Error: toItem(err, itemText(maxBatch))})
	}
	if size := proto.Size(resp); size >= 4<<20 {
		t.Errorf("the answer has %d bytes", size)
	}
	if alone := toItem(err, itemText(1)).GetMessage(); len(alone) < maxMessageText {
		t.Errorf("the message of a single item has %d bytes", len(alone))
	}
}
