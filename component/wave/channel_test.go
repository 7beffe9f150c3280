package wave_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/component/wave"
)

// sources notes what the streams and futures of a call are made from, and numbers them.
type sources struct {
	seen []string
	err  error
}

func (s *sources) open(t *types.Type, from wave.Source) (value.Value, error) {
	text := from.File
	switch {
	case from.Stdin:
		text = "-"
	case text == "db":
		return value.Value{Bytes: []byte(text)}, nil // an open connection
	case text == "":
		var items []string
		for _, item := range from.Items {
			items = append(items, wave.Format(t.Item(), item))
		}
		text = "[" + strings.Join(items, " ") + "]"
	}
	s.seen = append(s.seen, text)
	return value.Value{Bits: uint64(len(s.seen))}, s.err
}

// Streams and futures are written as what they are made from, also within others.
func TestChannels(t *testing.T) {
	i := scope(t)
	for _, c := range []struct{ params, call, args, sources string }{
		{"a: stream<u8>, b: stream<u8>", `f(-, @a/b-1.txt)`, "<stream 1>, <stream 2>", "- a/b-1.txt"},
		{"a: handles, b: stream<u8>, c: handles", `f(@db, @db, @"d b")`, "@db, @db, @d b", ""},
		{"a: stream<u8>, b: u8", `f(@"my (file)", 1)`, "<stream 1>, 1", "my (file)"},
		{"a: stream<point>", `f([{x: 1, y: 2}, {x: 3, y: -4}])`, "<stream 1>", "[{x: 1, y: 2} {x: 3, y: -4}]"},
		{"a: stream, b: future", `f([(), ()], ())`, "<stream 1>, <future 2>", "[() ()] [()]"},
		{"a: future<string>, b: future<option<u8>>", `f("x", 1)`, "<future 1>, <future 2>", `["x"] [some(1)]`},
		{"a: option<stream<u8>>", `f(-)`, "some(<stream 1>)", "-"},
		{"a: result<stream<u8>, string>", `f( - // all of it
			)`, "ok(<stream 1>)", "-"},
		{"a: list<stream<s8>>", `f([[-1], @x])`, "[<stream 1>, <stream 2>]", "[-1] x"},
		{"a: stream<stream<u8>>", `f([-, [1]])`, "<stream 3>", "- [1] [<stream 1> <stream 2>]"},
		{"a: future<stream<u8>>", `f(-)`, "<future 2>", "- [<stream 1>]"},
	} {
		f, err := i.Func("async func(" + c.params + ")")
		if err != nil {
			t.Fatal(err)
		}
		var s sources
		args, err := wave.ParseCall(f, c.call, s.open)
		if err != nil {
			t.Errorf("%s: %v", c.call, err)
			continue
		}
		var got []string
		for n, arg := range args {
			got = append(got, wave.Format(f.Params[n].Type, arg))
		}
		if text := strings.Join(got, ", "); text != c.args || strings.Join(s.seen, " ") != c.sources {
			t.Errorf("%s: got %s from %q", c.call, text, s.seen)
		}
	}
}

func TestFaultsOfChannels(t *testing.T) {
	i := scope(t)
	for _, c := range []struct{ params, call, want string }{
		{"a: u8", "f(-)", "args[0]: the standard input can only be given for a stream, and this is a u8"},
		{"a: list<u8>", "f([@x])", "args[0][0]: @NAME can only be given for a stream (a file, or an open connection) or a tcp-socket (an open connection), and this is a u8"},
		{"a: point", "f({x: -, y: 1})", "args[0].x: the standard input can only be given for a stream, and this is a u8"},
		{"a: string", "f(@x)", "args[0]: @NAME can only be given for a stream (a file, or an open connection) or a tcp-socket (an open connection), and this is a string"},
		{"a: stream<u8>", "f(1)", "args[0]: expected a stream: - for the standard input, @FILE, or a list of its items at column 3, found 1"},
		{"a: stream<u8>", "f([1, 300])", "args[0][1]: 300 is not a u8"},
		{"a: stream<u8>", "f(@)", "args[0]: @ is followed by the path of a file, in quotes if it has spaces or brackets"},
		{"a: stream<u8>", "f(@x y)", "expected ')' or ',' at column 6, found y"},
		{"a: stream<u8>, b: list<stream<u8>>", "f(@good, [@good, @bad])", "args[1][1]: it is bad"},
	} {
		f, err := i.Func("async func(" + c.params + ")")
		if err != nil {
			t.Fatal(err)
		}
		_, err = wave.ParseCall(f, c.call, func(_ *types.Type, from wave.Source) (value.Value, error) {
			if from.File == "bad" {
				return value.Value{}, errors.New("it is bad")
			}
			return value.Value{Bits: 1}, nil
		})
		if fmt.Sprint(err) != c.want {
			t.Errorf("%s: got %v", c.call, err)
		}
	}
	f, err := i.Func("async func(a: stream<u8>)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wave.ParseCall(f, "f(-)", nil); fmt.Sprint(err) != "args[0]: a stream cannot be written" {
		t.Errorf("without sources: %v", err)
	}
}

// A future is written as its value, once that is known.
func TestFormatKnownFuture(t *testing.T) {
	i := scope(t)
	typ := typeOf(t, i, "tuple<future<result<u8>>, future<u8>, future>")
	known := value.Value{Bits: 1, Items: []value.Value{{Items: []value.Value{{Bits: 7}}}}}
	got := wave.Format(typ, value.Value{Items: []value.Value{known, {Bits: 2}, {Bits: 3, Items: []value.Value{{}}}}})
	if got != "(ok(7), <future 2>, ())" {
		t.Errorf("got %s", got)
	}
}
