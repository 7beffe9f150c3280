package wave

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/internal/clip"
)

// Error says what is wrong in a text, and where.
type Error struct {
	Path   string // of the value: "args[1].points[3].x"; empty if it is the whole
	Offset int    // in bytes
	Msg    string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// Position returns the line and the column of the error in the text that was parsed, both from 1. A column is a
// character.
func (e *Error) Position(text string) (line, column int) {
	before := text[:min(e.Offset, len(text))]
	last := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[last:])
}

// position names a place in a text.
func position(text string, offset int) string {
	e := Error{Offset: offset}
	line, column := e.Position(text)
	if line == 1 {
		return fmt.Sprintf("column %d", column)
	}
	return fmt.Sprintf("line %d, column %d", line, column)
}

// in says that an error is in a part of a value: "x" or "[3]".
func in(part string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Path != "" && e.Path[0] != '[' {
		part += "."
	}
	e.Path = part + e.Path
	return e
}

func inItem(i int, err error) error { return in(fmt.Sprintf("[%d]", i), err) }

// article returns a kind of type with its article.
func article(k types.Kind) string {
	switch k {
	case types.Flags:
		return "flags"
	case types.S8, types.S16, types.S32, types.S64, types.F32, types.F64, types.Enum, types.Option, types.Own, types.ErrorContext:
		return "an " + k.String()
	default:
		return "a " + k.String()
	}
}

// short shortens what is quoted in a message.
func short(s string) string { return clip.Text(s, 32) }
