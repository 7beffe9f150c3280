package server

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/errs"
)

// An error travels in trailers, of which clients built on gRPC's C core accept 8 KiB, including their names.
// The trailers have the message up to four times: percent-encoded, in the status, and in two of its details; the
// status is in base64. With the bounds below that comes to about 7 KiB (TestErrorsFitIntoTrailers).
const (
	// maxMessageText bounds the message, in the bytes that clipEncoded counts.
	maxMessageText = 512
	// maxFieldText bounds the name of a field or a resource, and the description of a field.
	maxFieldText = 256
	// maxFieldsText bounds all invalid fields together.
	maxFieldsText = 2 << 10
)

// clipEncoded shortens text to about most bytes. A byte that trailers percent-encode counts as three.
func clipEncoded(text string, most int) string {
	size := 0
	for i := range len(text) {
		size++
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			size += 2
		}
		if size > most {
			return clip.Text(text, i)
		}
	}
	return text
}

// badRequest lists as many of the invalid fields as fit, and says how many more there are.
func badRequest(fields []errs.Field) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{}
	left := maxFieldsText
	for i, f := range fields {
		v := &errdetails.BadRequest_FieldViolation{
			Field:       clipEncoded(f.Path, maxFieldText),
			Description: clipEncoded(f.Description, maxFieldText),
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

// itemText is about how many bytes the error message of each item of a batch of n may have, so that clients
// accept the answer.
func itemText(n int) int {
	const most = 2 << 20
	return min(maxMessageText, most/max(n, 1))
}
