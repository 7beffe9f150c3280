package server

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/reactord/reactord/reactor/errs"
)

// An error travels in trailers, of which clients built on gRPC's C core take 8 KiB, with their names.
// The message is in them up to four times: percent-encoded, in the status, and in two of its details;
// the status is in base64. What the bounds below allow comes to about 7 KiB (TestErrorsFitIntoTrailers).
const (
	// maxMessageText bounds the message, as clip counts.
	maxMessageText = 512
	// maxFieldText bounds what names a field or a resource, and what is said of a field.
	maxFieldText = 256
	// maxFieldsText bounds the fields that are not valid, together.
	maxFieldsText = 2 << 10
)

// clip shortens text to about most bytes. A byte that is percent-encoded in a trailer counts as the
// three it becomes.
func clip(text string, most int) string {
	size := 0
	for i := range len(text) {
		size++
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			size += 2
		}
		if size > most {
			return strings.ToValidUTF8(text[:i], "") + "..."
		}
	}
	return text
}

// badRequest names as many of the fields as fit, and says how many more there are.
func badRequest(fields []errs.Field) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{}
	left := maxFieldsText
	for i, f := range fields {
		v := &errdetails.BadRequest_FieldViolation{
			Field:       clip(f.Path, maxFieldText),
			Description: clip(f.Description, maxFieldText),
		}
		if left -= len(v.Field) + len(v.Description); left < 0 {
			v.Field, v.Description = "", fmt.Sprintf("%d more fields are not valid", len(fields)-i)
			bad.FieldViolations = append(bad.FieldViolations, v)
			break
		}
		bad.FieldViolations = append(bad.FieldViolations, v)
	}
	return bad
}

// itemText is about how many bytes the message of each item of a batch may have, so that the answer
// to a batch of n is one that clients take.
func itemText(n int) int {
	const most = 2 << 20
	return min(maxMessageText, most/max(n, 1))
}
