package errs

import (
	"fmt"

	"github.com/reactord/reactord/internal/clip"
)

// Faults collects the invalid fields of a request.
type Faults []Field

// Add adds a fault of the field at path.
func (f *Faults) Add(path, format string, args ...any) {
	*f = append(*f, Field{Path: Clip(path), Description: Clip(fmt.Sprintf(format, args...))})
}

// Clip shortens text that may repeat a client's input, so that an answer is never as large as the request.
func Clip(text string) string { return clip.Text(text, 512) }

// Err returns the error of the faults, nil if there are none.
func (f Faults) Err() error { return Invalid(f...) }
