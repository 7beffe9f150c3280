package types

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reactord/reactord/internal/clip"
)

// maxText bounds the length of types in messages.
const maxText = 80

// String returns the type as WIT has it, without names of its own: records and the like by their kind. A long one is cut.
func (t *Type) String() string {
	var b strings.Builder
	t.write(&b)
	if b.Len() > maxText {
		return b.String()[:maxText] + "..."
	}
	return b.String()
}

// write writes the type. It stops when the text is long enough.
func (t *Type) write(b *strings.Builder) {
	switch {
	case b.Len() > maxText:
		return
	case t == nil:
		b.WriteByte('_')
		return
	}
	b.WriteString(t.Kind.String())
	switch t.Kind {
	case List, Option:
		length := ""
		if t.Fixed {
			length = fmt.Sprintf(", %d", t.Length)
		}
		writeArgs(b, length, t.Elem)
	case Stream, Future:
		if t.Elem != nil {
			writeArgs(b, "", t.Elem)
		}
	case Map:
		writeArgs(b, "", t.Key, t.Elem)
	case Tuple:
		args := make([]*Type, len(t.Fields))
		for i := range t.Fields {
			args[i] = t.Fields[i].Type
		}
		writeArgs(b, "", args...)
	case Result:
		switch ok, err := t.Cases[0].Type, t.Cases[1].Type; {
		case err != nil:
			writeArgs(b, "", ok, err)
		case ok != nil:
			writeArgs(b, "", ok)
		}
	case Own, Borrow:
		if t.Resource.Name != "" {
			b.WriteString("<" + clip.Text(t.Resource.Name, maxName) + ">")
		}
	}
}

func writeArgs(b *strings.Builder, rest string, args ...*Type) {
	b.WriteByte('<')
	for i, arg := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxText {
			return
		}
		arg.write(b)
	}
	b.WriteString(rest + ">")
}

// difference returns nil if two types of one Table are the same, and else what differs first.
func difference(have, want *Type) error {
	switch {
	case have == want:
		return nil
	case have == nil || want == nil || have.Kind != want.Kind || have.Fixed != want.Fixed || have.Length != want.Length:
	case have.Resource != want.Resource:
		return fmt.Errorf("it is %v of another resource type", have)
	default:
		if err := membersDiffer(have, want); err != nil {
			return err
		}
	}
	return fmt.Errorf("it is %v, not %v", have, want)
}

// membersDiffer returns what differs first in what two types of a kind are made of.
func membersDiffer(have, want *Type) error {
	switch have.Kind {
	case Record, Tuple:
		if len(have.Fields) != len(want.Fields) {
			return fmt.Errorf("it is a %v of %s, not %d", have.Kind, count(len(have.Fields), "field"), len(want.Fields))
		}
		for i, w := range want.Fields {
			h := have.Fields[i]
			if h.Name != w.Name {
				return fmt.Errorf("field %d of the record is called %s, not %s", i, quote(h.Name), quote(w.Name))
			}
			if err := difference(h.Type, w.Type); err != nil {
				return fmt.Errorf("field %s: %w", label(h.Name, i), err)
			}
		}
	case Variant, Enum, Option, Result:
		if len(have.Cases) != len(want.Cases) {
			return fmt.Errorf("it is a %v of %s, not %d", have.Kind, count(len(have.Cases), "case"), len(want.Cases))
		}
		for i, w := range want.Cases {
			h := have.Cases[i]
			if h.Name != w.Name {
				return fmt.Errorf("case %d of the %v is called %s, not %s", i, have.Kind, quote(h.Name), quote(w.Name))
			}
			switch {
			case h.Type == nil && w.Type != nil:
				return fmt.Errorf("case %s has no type", quote(h.Name))
			case h.Type != nil && w.Type == nil:
				return fmt.Errorf("case %s has a type", quote(h.Name))
			}
			if err := difference(h.Type, w.Type); err != nil {
				return fmt.Errorf("case %s: %w", quote(h.Name), err)
			}
		}
	case Flags:
		if len(have.Labels) != len(want.Labels) {
			return fmt.Errorf("there are %s, not %d", count(len(have.Labels), "flag"), len(want.Labels))
		}
		for i, w := range want.Labels {
			if have.Labels[i] != w {
				return fmt.Errorf("flag %d is called %s, not %s", i, quote(have.Labels[i]), quote(w))
			}
		}
	case Map:
		if err := difference(have.Key, want.Key); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	if err := difference(have.Elem, want.Elem); err != nil {
		return fmt.Errorf("element: %w", err)
	}
	return nil
}

func label(name string, i int) string {
	if name == "" {
		return fmt.Sprint(i)
	}
	return quote(name)
}

// Bounds of messages, in bytes. They have names that the author of a component chooses, and the way to what differs.
const (
	maxName    = 120
	maxMessage = 1000
)

// quote returns a name as it is put in messages.
func quote(name string) string { return strconv.Quote(clip.Text(name, maxName)) }
