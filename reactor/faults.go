package reactor

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/reactor/errs"
)

// Faults collects the fields of a request that are not valid.
type faults []errs.Field

// Add adds a fault of the field at path.
func (f *faults) add(path, format string, args ...any) {
	*f = append(*f, errs.Field{Path: clip(path), Description: clip(fmt.Sprintf(format, args...))})
}

// Clip shortens what may repeat a client's input, so that an answer is never as large as the request.
func clip(text string) string {
	const most = 512
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// Err is the error of the faults, and nil if there are none.
func (f faults) err() error { return errs.Invalid(f...) }
