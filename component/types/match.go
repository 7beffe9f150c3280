package types

import (
	"errors"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/internal/clip"
)

// Matcher says whether what there is fits what components ask for, where the types are of different Tables: a host's and
// a component's, or those of two components.
//
// What is asked for has resource types of its own, each of which stands for one that there is. Which one, what is matched
// first says: a component has wasi:io/poll among its imports before interfaces that use its pollable. So the imports of
// one component are matched in their order by one Matcher.
//
// A Matcher is for one goroutine at a time.
type Matcher struct {
	*checker
	resources map[*Resource]*Resource // what is asked for to what there is
}

// NewMatcher returns a Matcher that has matched nothing.
func NewMatcher() *Matcher {
	return &Matcher{newChecker(Features{}), map[*Resource]*Resource{}}
}

// Bind has a resource type that is asked for stand for one that there is. It does what Match does with types and instances
// that export them.
func (m *Matcher) Bind(have, want *Resource) { m.resources[want] = have }

// Match returns nil if what there is can be used as what is asked for, and else the first reason why not, such as
// `"poll": parameter "in": element: it is u32, not u64`. An instance may export more than is asked for.
func (m *Matcher) Match(have, want Extern) error {
	there := newSubstitution(m.checker)
	there.foreign = true
	asked := newSubstitution(m.checker)
	asked.foreign, asked.resources = true, m.resources
	b := binding{asked, func(r *Resource) bool { return r != nil }, map[*Instance]bool{}}
	given := func(string) (Extern, bool) { return have, true }
	if err := b.externs(given, []Extern{want}); err != nil {
		return err
	}
	var err error
	if have.Type, err = there.extern(have.Type); err != nil {
		return err
	}
	if want.Type, err = asked.extern(want.Type); err != nil {
		return err
	}
	if err := m.subtype(have, want); err != nil {
		if text := err.Error(); len(text) > maxMessage {
			return errors.New(clip.Text(text, maxMessage))
		}
		return err
	}
	return nil
}

// MatchFunc is Match for functions.
func (m *Matcher) MatchFunc(have, want *Func) error {
	return m.Match(Extern{Kind: binary.FuncExtern, Type: have}, Extern{Kind: binary.FuncExtern, Type: want})
}
