package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/meter"
)

func TestParseTrace(t *testing.T) {
	n := names{imported: 2, defined: 5, functions: []meter.FunctionName{
		{Index: 0, Name: "imported"}, {Index: 2, Name: "main.main"}, {Index: 3, Name: "f(int, char const*)"},
		{Index: 4, Name: "a\x1b[31m\nb"}, {Index: 5, Name: strings.Repeat("ä", 1000)},
	}}
	for _, tt := range []struct {
		name, text string
		want       []Frame
		more       bool
	}{
		{name: "none", text: "whatever"},
		{name: "plain", text: "wasm error: unreachable\nwasm stack trace:\n\t.$4()\n\t.$5()",
			want: []Frame{{Function: "main.main"}, {Function: "f(int, char const*)"}}},
		{name: "signatures", text: "e\nwasm stack trace:\n\t.$4(i32,i64) f32\n\t.$4() (i32,i32)\n\t.$4(i32) (i64,f64)\n\t.$4(v128) externref",
			want: []Frame{{Function: "main.main"}, {Function: "main.main"}, {Function: "main.main"}, {Function: "main.main"}}},
		{name: "no names", text: "e\nwasm stack trace:\n\t.$8()\n\t.$1()",
			want: []Frame{{Function: "$6"}, {Function: "$1"}}},
		{name: "the meter's own", text: "e\nwasm stack trace:\n\treactord.grow_stack()\n\t.$9(i32,i32,i32)\n\t.$4()",
			want: []Frame{{Function: "main.main"}}},
		{name: "another module's", text: "e\nwasm stack trace:\n\twasi_snapshot_preview1.fd_write(i32,i32,i32,i32) i32\n\t.$4()",
			want: []Frame{{Function: "wasi_snapshot_preview1.fd_write"}, {Function: "main.main"}}},
		{name: "cut", text: "e\nwasm stack trace:\n\t.$4()\n\t... maybe followed by omitted frames",
			want: []Frame{{Function: "main.main"}}, more: true},
		{name: "Go stack", text: "e\nwasm stack trace:\n\t.$4()\n\nGo runtime stack trace:\ngoroutine 1\n\tx.go:1",
			want: []Frame{{Function: "main.main"}}},
		{name: "control characters", text: "e\nwasm stack trace:\n\t.$6()",
			want: []Frame{{Function: "a\ufffd[31m\ufffdb"}}},
		{name: "a long name", text: "e\nwasm stack trace:\n\t.$7()",
			want: []Frame{{Function: strings.Repeat("ä", nameBytes/2) + "..."}}},
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
	writeFrames(&b, []Frame{{"leaf"}, {"f"}, {"f"}, {"f"}, {"g"}, {"f"}})
	if want := "\n    at leaf\n    at f (3 times)\n    at g\n    at f"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
