package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/meter"
)

func TestParseTrace(t *testing.T) {
	long := strings.Repeat("ä", 500)
	n := names{imports: []string{"env.f", "wasi_snapshot_preview1.fd_write"}, offsets: []uint32{20, 30, 40, 50, 60}, functions: []meter.FunctionName{
		{Index: 0, Name: "imported"}, {Index: 2, Name: "main.main"}, {Index: 3, Name: "f(int, char const*)"},
		{Index: 4, Name: "a\x1b[31m\nb"}, {Index: 5, Name: long},
	}}
	main := Frame{Function: "main.main", Index: 2, Offset: 20}
	for _, tt := range []struct {
		name, text string
		want       []Frame
		more       bool
	}{
		{name: "none", text: "whatever"},
		{name: "plain", text: "wasm error: unreachable\nwasm stack trace:\n\t.$5()\n\t.$6()",
			want: []Frame{main, {Function: "f(int, char const*)", Index: 3, Offset: 30}}},
		{name: "signatures", text: "e\nwasm stack trace:\n\t.$5(i32,i64) f32\n\t.$5() (i32,i32)\n\t.$5(i32) (i64,f64)\n\t.$5(v128) externref",
			want: []Frame{main, main, main, main}},
		{name: "no names", text: "e\nwasm stack trace:\n\t.$9()\n\t.$1()",
			want: []Frame{{Index: 6, Offset: 60}, {Index: 1}}},
		{name: "the meter's own", text: "e\nwasm stack trace:\n\treactord.grow_stack()\n\t.$10(i32,i32,i32)\n\t.$5()",
			want: []Frame{main}},
		{name: "another module's", text: "e\nwasm stack trace:\n\twasi_snapshot_preview1.fd_write(i32,i32,i32,i32) i32\n\t.$5()",
			want: []Frame{{Function: "wasi_snapshot_preview1.fd_write", Index: 1}, main}},
		{name: "cut", text: "e\nwasm stack trace:\n\t.$5()\n\t... maybe followed by omitted frames",
			want: []Frame{main}, more: true},
		{name: "Go stack", text: "e\nwasm stack trace:\n\t.$5()\n\nGo runtime stack trace:\ngoroutine 1\n\tx.go:1",
			want: []Frame{main}},
		{name: "control characters", text: "e\nwasm stack trace:\n\t.$7()",
			want: []Frame{{Function: "a\x1b[31m\nb", Index: 4, Offset: 40}}},
		{name: "a long name", text: "e\nwasm stack trace:\n\t.$8()",
			want: []Frame{{Function: long, Index: 5, Offset: 50}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frames, more := parseTrace(tt.text, n)
			if diff := cmp.Diff(tt.want, frames); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if more != tt.more {
				t.Errorf("more = %v", more)
			}
		})
	}
}

func TestWriteFrames(t *testing.T) {
	var b strings.Builder
	f := Frame{Function: "f"}
	writeFrames(&b, []Frame{{Function: "leaf\x1b"}, f, f, f, {Index: 7}, f})
	if want := "\n    at leaf\ufffd\n    at f (3 times)\n    at $7\n    at f"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
