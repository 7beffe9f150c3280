package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// check checks the result: only now it is known whether what is plugged has the types that are asked for, and whether
// imports of one name could be one.
func (j *joiner) check(joined []byte) error {
	c, err := binary.Decode(joined, j.options.Limits)
	if err != nil {
		return fmt.Errorf("the joined component: %w", err)
	}
	_, err = types.Check(c, j.options.Features)
	var fault *binary.Error
	if !errors.As(err, &fault) {
		return err
	}
	instances := 0
	for _, def := range c.Definitions {
		if _, ok := def.(*binary.Instance); !ok {
			continue
		}
		if def.Pos() == fault.Offset {
			return j.misfit(j.instances[instances], fault.Msg)
		}
		instances++
	}
	return fmt.Errorf("the joined component is not valid: %s", fault.Msg)
}

// misfit returns the error of a part that does not take what it is given, by the message of the check.
func (j *joiner) misfit(p *part, msg string) error {
	_, reason, _ := strings.Cut(msg, ": ") // after the name of the component in the result
	for _, i := range p.imports {
		why, ok := strings.CutPrefix(reason, strconv.Quote(i.Name.Text)+": ")
		if !ok {
			continue
		}
		if plug := p.plugged[i]; plug != nil {
			return fmt.Errorf("%s does not fit the import %s of %s: %s", plug.by.Name, i.Name.Text, p.Name, why)
		}
		return fmt.Errorf("%s imports %s with a type that does not fit what %s imports: %s", p.Name, i.Name.Text, p.groups[i].members[0].of.Name, why)
	}
	return fmt.Errorf("%s does not take what it is given: %s", p.Name, msg)
}
