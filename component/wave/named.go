package wave

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/internal/clip"
)

// index returns the number of a name of a type, or -1.
func (p *parser) index(t *types.Type, name string) int {
	names, ok := p.names[t]
	if !ok {
		names = map[string]int{}
		for i, n := range namesOf(t) {
			names[n] = i
		}
		p.names[t] = names
	}
	if i, ok := names[name]; ok {
		return i
	}
	return -1
}

// namesOf returns the names of fields, cases or labels.
func namesOf(t *types.Type) (names []string) {
	for i := range t.Fields {
		names = append(names, t.Fields[i].Name)
	}
	for i := range t.Cases {
		names = append(names, t.Cases[i].Name)
	}
	return append(names, t.Labels...)
}

// unknown is the error that a type has no such name.
func (p *parser) unknown(t *types.Type, w word, what string) error {
	const most = 8
	names := namesOf(t)
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return p.errorf(w.offset, "there is no %s %s: there is %s", what, short(w.text), clip.Text(list, 200))
}

func (p *parser) record(t *types.Type) (v value.Value, err error) {
	p.rest()
	begin := p.pos
	if p.left -= len(t.Fields); p.left < 0 {
		return v, p.errorf(begin, "the text means too many values")
	}
	v.Items = make([]value.Value, len(t.Fields))
	given := make([]bool, len(t.Fields))
	empty := false // it is {:}
	err = p.sequence('{', '}', "a record in braces", func(i int) error {
		if empty = i == 0 && p.accept(':'); empty {
			if p.peek() != '}' {
				return p.unexpected("'}' after {:, which is a record whose fields are all left out")
			}
			return nil
		}
		return p.field(t, v.Items, given)
	})
	if err != nil {
		return v, err
	}
	if !empty && !slices.Contains(given, true) {
		return v, p.errorf(begin, "a record whose fields are all left out is written as {:}")
	}
	for i, f := range t.Fields {
		if !given[i] && f.Type.Kind != types.Option {
			return v, p.errorf(begin, "the field %s is missing", f.Name)
		}
	}
	return v, nil
}

// field reads the name and the value of a field.
func (p *parser) field(t *types.Type, items []value.Value, given []bool) error {
	w, ok := p.word()
	if !ok {
		return p.unexpected("the name of a field")
	}
	n := p.index(t, w.text)
	switch {
	case n < 0:
		return p.unknown(t, w, "field")
	case given[n]:
		return p.errorf(w.offset, "the field %s is given twice", w.text)
	}
	if err := p.expect(':'); err != nil {
		return in(w.text, err)
	}
	given[n] = true
	var err error
	items[n], err = p.value(t.Fields[n].Type)
	return in(w.text, err)
}

func (p *parser) flags(t *types.Type) (v value.Value, err error) {
	return v, p.sequence('{', '}', "flags in braces", func(int) error {
		w, ok := p.word()
		if !ok {
			return p.unexpected("the name of a flag")
		}
		n := p.index(t, w.text)
		switch {
		case n < 0:
			return p.unknown(t, w, "flag")
		case v.Bits&(1<<n) != 0:
			return p.errorf(w.offset, "the flag %s is given twice", w.text)
		}
		v.Bits |= 1 << n
		return nil
	})
}

func (p *parser) variant(t *types.Type) (v value.Value, err error) {
	w, ok := p.word()
	if !ok {
		return v, p.unexpected(article(t.Kind) + ", by the name of its case")
	}
	n := p.index(t, w.text)
	switch {
	case n < 0:
		return v, p.unknown(t, w, "case")
	case isKeyword(w.text) && !w.escaped:
		return v, p.errorf(w.offset, "%s is a word of WAVE: the case is written as %%%s", w.text, w.text)
	}
	return p.payload(t, n, w)
}

// payload reads what follows the name of a case.
func (p *parser) payload(t *types.Type, n int, w word) (v value.Value, err error) {
	v.Bits = uint64(n)
	payload := t.Cases[n].Type
	switch {
	case payload == nil && p.peek() == '(':
		return v, p.errorf(w.offset, "%s has no value", w.text)
	case payload == nil:
		return v, nil
	case !p.accept('('):
		return v, p.errorf(w.offset, "%s needs a value: %s(...)", w.text, w.text)
	}
	item, err := p.value(payload)
	if err != nil {
		return v, in(w.text, err)
	}
	v.Items = []value.Value{item}
	return v, p.expect(')')
}

// optional reads an option or result: by its case, or just the value.
func (p *parser) optional(t *types.Type) (v value.Value, err error) {
	names := [2]string{"none", "some"}
	flat := t.Cases[1].Type
	if t.Kind == types.Result {
		names, flat = [2]string{"ok", "err"}, t.Cases[0].Type
	}
	w, ok := p.peekWord()
	for n, name := range names {
		if ok && w.is(name) {
			p.word()
			return p.payload(t, n, w)
		}
	}
	if flat == nil || flat.Kind == types.Option || flat.Kind == types.Result {
		return v, p.unexpected(names[0] + " or " + names[1])
	}
	item, err := p.value(flat)
	v.Items = []value.Value{item}
	if t.Kind == types.Option {
		v.Bits = 1
	}
	return v, err
}

func (p *parser) mapping(t *types.Type) (v value.Value, err error) {
	entry := func(i int, separator byte) error {
		key, err := p.value(t.Key)
		if err == nil {
			err = p.expect(separator)
		}
		if err != nil {
			return inItem(i, err)
		}
		item, err := p.value(t.Elem)
		v.Items = append(v.Items, key, item)
		return inItem(i, err)
	}
	if p.peek() == '{' {
		return v, p.sequence('{', '}', "a map", func(i int) error { return entry(i, ':') })
	}
	return v, p.sequence('[', ']', "a map", func(i int) error {
		if err := p.expect('('); err != nil {
			return inItem(i, err)
		}
		if err := entry(i, ','); err != nil {
			return err
		}
		p.accept(',')
		return inItem(i, p.expect(')'))
	})
}
