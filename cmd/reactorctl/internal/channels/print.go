package channels

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/component/wave"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Documents prints each message by itself.
type Documents func(m *reactorv1.CallResponse) error

// Print implements Printer.
func (d Documents) Print(m *reactorv1.CallResponse) error { return d(m) }

// Text prints what a call gives:
//
//   - If the function returns no stream, what it returns, when all futures in it have their values.
//   - If it returns one stream, the stream's items: bytes as they are, and others one a line. What it returns besides goes
//     elsewhere.
//   - If there may be more streams, a line for each item that begins with its stream; bytes are shown as lines of text.
type Text struct {
	Result *types.Type // of the function; nil if it returns nothing
	Raw    io.Writer   // the output, as it is
	Out    io.Writer   // the output, for text that is made printable
	Err    io.Writer   // for what is returned besides a stream, made printable

	result   value.Value
	returned bool
	settled  bool // the result is printed
	failed   bool
	channels map[uint32]*types.Type // of streams and futures that were named
	futures  map[uint32]value.Value // that are known
	pending  int                    // futures that are not
	partial  map[uint32][]byte      // the beginning of a line of a stream of bytes
}

// Failed reports whether the function has returned the error of a result, at once or by a future.
func (p *Text) Failed() bool { return p.failed }

// Print implements Printer.
func (p *Text) Print(m *reactorv1.CallResponse) error {
	switch part := m.GetPart().(type) {
	case *reactorv1.CallResponse_Result:
		return p.returns(part.Result.GetValue())
	case *reactorv1.CallResponse_Items:
		return p.items(part.Items)
	case *reactorv1.CallResponse_Future:
		return p.future(part.Future)
	case *reactorv1.CallResponse_Ended:
		return p.end()
	}
	return nil
}

// streams returns how many streams a value of a type can have, and items of theirs: 0, 1, or many, which is 2.
func streams(t *types.Type) int {
	const many = 2
	if t == nil || !t.Handles {
		return 0
	}
	n := 0
	switch t.Kind {
	case types.Stream:
		if n = 1; t.Elem != nil && t.Elem.Handles {
			n = many
		}
	case types.Future:
		n = streams(t.Elem)
	case types.Record, types.Tuple:
		for i := range t.Fields {
			n += streams(t.Fields[i].Type)
		}
	case types.Variant, types.Option, types.Result:
		for i := range t.Cases {
			n = max(n, streams(t.Cases[i].Type))
		}
	default: // any number of them
		n = many
	}
	return min(n, many)
}

// typed makes a value of what came, and notes the channels that it names.
func (p *Text) typed(t *types.Type, v *reactorv1.Value, what string) (value.Value, error) {
	literal, ok := values.Literal(v)
	if !ok {
		return value.Value{}, fmt.Errorf("%s has no kind", what)
	}
	typed, faults := value.Typed(t, &literal, what)
	if len(faults) > 0 {
		return typed, errType(what, faults)
	}
	_ = value.Channels(t, &typed, func(t *types.Type, v *value.Value) error {
		if p.channels == nil {
			p.channels, p.futures, p.partial = map[uint32]*types.Type{}, map[uint32]value.Value{}, map[uint32][]byte{}
		}
		p.channels[uint32(v.Bits)] = t
		if t.Kind == types.Future {
			p.pending++
		}
		return nil
	})
	return typed, nil
}

func (p *Text) returns(v *reactorv1.Value) (err error) {
	if v == nil || p.Result == nil {
		return nil
	}
	if p.result, err = p.typed(p.Result, v, "result"); err != nil {
		return err
	}
	p.returned = true
	if streams(p.Result) > 1 {
		p.note(p.Result, &p.result)
		p.settled = true
		return p.line(p.Out, wave.Format(p.Result, p.result))
	}
	return p.settle()
}

func (p *Text) line(to io.Writer, text string) error {
	_, err := fmt.Fprintln(to, text)
	return err
}

// note notes whether a value is the error of a result.
func (p *Text) note(t *types.Type, v *value.Value) {
	p.failed = p.failed || t.Kind == types.Result && v.Bits == 1
}

// settle prints what the function has returned, if that is known and not for the end.
func (p *Text) settle() error {
	if !p.returned || p.settled || p.pending > 0 || streams(p.Result) > 0 {
		return nil
	}
	return p.tell(p.Out)
}

// tell prints what the function has returned, with the futures that are known.
func (p *Text) tell(to io.Writer) error {
	p.settled = true
	p.fill(p.Result, &p.result)
	return p.line(to, wave.Format(p.Result, p.result))
}

// fill puts the values of futures into a value.
func (p *Text) fill(t *types.Type, v *value.Value) {
	p.note(t, v)
	_ = value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		known, ok := p.futures[uint32(v.Bits)]
		if t.Kind != types.Future || !ok {
			return nil
		}
		v.Items = []value.Value{known}
		p.fill(t.Item(), &v.Items[0])
		return nil
	})
}

func (p *Text) future(f *reactorv1.CallFuture) error {
	t := p.channels[f.GetChannel()]
	if t == nil {
		return errUnknown(f.GetChannel())
	}
	p.pending--
	if f.GetValue() == nil {
		return p.settle()
	}
	v, err := p.typed(t.Item(), f.GetValue(), fmt.Sprintf("future %d", f.GetChannel()))
	if err != nil {
		return err
	}
	if streams(p.Result) > 1 {
		p.note(t.Item(), &v)
		return p.line(p.Out, fmt.Sprintf("<future %d>: %s", f.GetChannel(), wave.Format(t.Item(), v)))
	}
	p.futures[f.GetChannel()] = v
	return p.settle()
}

func errUnknown(id uint32) error {
	return fmt.Errorf("something came on channel %d, which nothing has named", id)
}

func (p *Text) items(items *reactorv1.CallItems) error {
	id := items.GetChannel()
	t := p.channels[id]
	switch {
	case t == nil:
		return errUnknown(id)
	case t.OfBytes() && streams(p.Result) == 1:
		_, err := p.Raw.Write(items.GetBytes())
		return err
	case t.OfBytes():
		return p.lines(id, items.GetBytes(), items.GetEnd())
	}
	var text []byte
	for i, v := range items.GetValues() {
		typed, err := p.typed(t.Item(), v, fmt.Sprintf("stream %d[%d]", id, i))
		if err != nil {
			return err
		}
		text = wave.Append(p.label(text, id), t.Item(), typed)
		text = append(text, '\n')
	}
	_, err := p.Out.Write(text)
	return err
}

// label appends which stream a line is of, if there may be others.
func (p *Text) label(text []byte, id uint32) []byte {
	if streams(p.Result) > 1 {
		return fmt.Appendf(text, "<stream %d>: ", id)
	}
	return text
}

// lines prints the lines of a stream of bytes, and keeps the beginning of the next.
func (p *Text) lines(id uint32, b []byte, ended bool) error {
	var text []byte
	rest := append(p.partial[id], b...)
	for {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		if !found && (len(rest) == 0 || !ended && len(rest) < maxLine) {
			break
		}
		text = append(append(p.label(text, id), bytes.ToValidUTF8(line, []byte("\ufffd"))...), '\n')
		rest = after
	}
	p.partial[id] = rest
	_, err := p.Out.Write(text)
	return err
}

// end prints what was not printed yet, for the call has ended.
func (p *Text) end() error {
	var errs []error
	for id := range p.partial {
		errs = append(errs, p.lines(id, nil, true))
	}
	switch {
	case !p.returned || p.settled:
	case streams(p.Result) == 0:
		errs = append(errs, p.tell(p.Out))
	case p.besides(p.Result, &p.result):
		errs = append(errs, p.tell(p.Err))
	}
	return errors.Join(errs...)
}

// besides reports whether a value says more than that there is a stream and that all went well.
func (p *Text) besides(t *types.Type, v *value.Value) bool {
	switch t.Kind {
	case types.Stream:
		return false
	case types.Future:
		known, ok := p.futures[uint32(v.Bits)]
		return !ok || p.besides(t.Item(), &known)
	case types.Tuple:
		for i := range v.Items {
			if p.besides(t.Fields[i].Type, &v.Items[i]) {
				return true
			}
		}
		return false
	case types.Option, types.Result:
		if good := t.Kind == types.Option && v.Bits == 1 || t.Kind == types.Result && v.Bits == 0; good {
			return len(v.Items) > 0 && p.besides(t.Cases[v.Bits].Type, &v.Items[0])
		}
	}
	return true
}
