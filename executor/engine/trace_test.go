package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTrace(t *testing.T) {
	n := names{prefix: "prog.", exports: map[int]string{5: "exported"}, first: 4, added: 2}
	for _, tt := range []struct {
		name, text string
		want       []Frame
		more       bool
	}{
		{name: "none", text: "whatever"},
		{name: "plain", text: "wasm error: unreachable\nwasm stack trace:\n\tprog.main.main()\n\tprog._start()",
			want: []Frame{{Function: "main.main"}, {Function: "_start"}}},
		{name: "signatures", text: "e\nwasm stack trace:\n\tprog.a(i32,i64) f32\n\tprog.b() (i32,i32)\n\tprog.c(i32) (i64,f64)\n\tprog.d(v128) externref",
			want: []Frame{{Function: "a"}, {Function: "b"}, {Function: "c"}, {Function: "d"}}},
		{name: "names with parentheses", text: "e\nwasm stack trace:\n\tprog.f(int, char const*)(i32,i32) i32\n\tprog.operator()(i32)\n\tprog.<T as U>::g()",
			want: []Frame{{Function: "f(int, char const*)"}, {Function: "operator()"}, {Function: "<T as U>::g"}}},
		{name: "no names", text: "e\nwasm stack trace:\n\tprog.$5()\n\tprog.$9()\n\tprog.$3()",
			want: []Frame{{Function: "exported"}, {Function: "$7"}, {Function: "$3"}}},
		{name: "the meter's own", text: "e\nwasm stack trace:\n\treactord.grow_stack()\n\tprog.reactord.memory.fill(i32,i32,i32)\n\tprog.f()\n\tprog.reactord.mine()",
			want: []Frame{{Function: "f"}, {Function: "reactord.mine"}}},
		{name: "another module's", text: "e\nwasm stack trace:\n\twasi_snapshot_preview1.fd_write(i32,i32,i32,i32) i32\n\tprog.f()",
			want: []Frame{{Function: "wasi_snapshot_preview1.fd_write"}, {Function: "f"}}},
		{name: "sources", text: "e\nwasm stack trace:\n\tprog.f()\n\t\t0x12: /src/a.c:3:4 (inlined)\n\t\t      /src/b.c:5:6\n\tprog.g()\n\t\t0x1: c.c",
			want: []Frame{{Function: "f"}, {Function: "g"}}},
		{name: "cut", text: "e\nwasm stack trace:\n\tprog.f()\n\t... maybe followed by omitted frames",
			want: []Frame{{Function: "f"}}, more: true},
		{name: "Go stack", text: "e\nwasm stack trace:\n\tprog.f()\n\nGo runtime stack trace:\ngoroutine 1\n\tx.go:1",
			want: []Frame{{Function: "f"}}},
		{name: "control characters", text: "e\nwasm stack trace:\n\tprog.a\x1b[31m\nb()",
			want: []Frame{{Function: "a\ufffd[31m\ufffdb"}}},
		{name: "a long name", text: "e\nwasm stack trace:\n\tprog." + strings.Repeat("ä", 1000) + "()",
			want: []Frame{{Function: strings.Repeat("ä", nameRunes) + "..."}}},
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
