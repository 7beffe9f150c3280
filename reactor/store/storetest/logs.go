package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func testLog(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	f.submit("a", "b", "empty")
	f.must(start("a", 1), start("b", 1))

	t.Run("Entries", func(t *testing.T) {
		later := store.LogChunk{Stream: store.Stderr, Time: epoch.Add(time.Minute), Data: []byte("two\nthree")}
		wantIs(t, "AppendLog", f.appendLog("a", 1, stdout("one\n"), later), nil)
		wantIs(t, "AppendLog", f.appendLog("b", 1, stdout("of another")), nil)
		wantIs(t, "AppendLog", f.appendLog("a", 1, stdout(""), stdout("four\n")), nil)
		want := []store.LogEntry{at(0, 1, stdout("one\n")), at(4, 1, later), at(13, 1, stdout("four\n"))}
		got, next, err := f.ReadLog(t.Context(), "a", 0, store.Cut{}, 1000)
		wantIs(t, "ReadLog", err, nil)
		wantEqual(t, "entries", got, want)
		wantEqual(t, "next", next, 18)

		got, next, err = f.ReadLog(t.Context(), "a", 6, store.Cut{}, 1)
		wantIs(t, "ReadLog", err, nil)
		later.Data = later.Data[2:]
		wantEqual(t, "entries from the middle of one", got, []store.LogEntry{at(6, 1, later)})
		wantEqual(t, "next", next, 13)

		for _, offset := range []int64{18, 1000} {
			got, next, err = f.ReadLog(t.Context(), "a", offset, store.Cut{}, 1000)
			wantIs(t, "ReadLog", err, nil)
			wantEqual(t, "entries at the end", len(got), 0)
			wantEqual(t, "next at the end", next, offset)
		}
		wantEqual(t, "stdout", f.log("a", store.Only(store.Stdout), 1), "one\nfour\n")
		wantEqual(t, "stderr", f.log("a", store.Only(store.Stderr), 1), "two\nthree")
		wantEqual(t, "an empty log", f.log("empty", 0, 10), "")
	})
	t.Run("Refused", func(t *testing.T) {
		wantAs[*store.StaleError](t, "a stale attempt", f.appendLog("a", 0, stdout("x")))
		wantAs[*store.StaleError](t, "a future attempt", f.appendLog("a", 2, stdout("x")))
		wantAs[*store.NotFoundError](t, "no workload", f.appendLog("nobody", 1, stdout("x")))
		_, _, err := f.ReadLog(t.Context(), "nobody", 0, store.Cut{}, 10)
		wantAs[*store.NotFoundError](t, "ReadLog", err)
		_, _, err = f.TailLog(t.Context(), "nobody", 0, 10, store.Cut{})
		wantAs[*store.NotFoundError](t, "TailLog", err)
	})
	t.Run("Finished", func(t *testing.T) {
		end := finish("a", 1, store.Succeeded)
		end.Log = []store.LogChunk{stdout("the end\n")}
		f.must(end)
		wantAs[*store.StaleError](t, "AppendLog", f.appendLog("a", 1, stdout("after the end")))
		wantEqual(t, "log", f.log("a", 0, 1000), "one\ntwo\nthreefour\nthe end\n")
		f.reopen(Options{})
		wantEqual(t, "log after reopening", f.log("a", 0, 5), "one\ntwo\nthreefour\nthe end\n")
	})
	t.Run("Large", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("large")
		f.must(start("large", 1))
		var want bytes.Buffer
		for i := range 300 {
			line := strings.Repeat(fmt.Sprintf("%d,", i), 1+i*7%900) + "\n"
			if i == 150 {
				line = strings.Repeat("a long line ", 100_000) + "\n"
			}
			want.WriteString(line)
			// Not waited for: many of these share a commit.
			f.AppendLog(store.LogAppend{ID: "large", Attempt: 1, Chunks: []store.LogChunk{stdout(line)}}, nil)
		}
		wantIs(t, "AppendLog", f.appendLog("large", 1, stdout("end")), nil)
		want.WriteString("end")
		for _, limit := range []int{1 << 10, 100_000, 10 << 20} {
			if got := f.log("large", 0, limit); got != want.String() {
				t.Errorf("by %d bytes: %d bytes came back of %d, or others", limit, len(got), want.Len())
			}
		}
		for _, offset := range []int64{1, 4095, 70_000, int64(want.Len()) - 1} {
			if got := f.logFrom("large", 0, offset, 1<<20); !bytes.Equal(got, want.Bytes()[offset:]) {
				t.Errorf("from %d: %d bytes came back of %d, or others", offset, len(got), int64(want.Len())-offset)
			}
		}
		lines := bytes.SplitAfter(want.Bytes(), []byte{'\n'})
		for _, n := range []int{0, 1, 2, 100, 200, 301, 1000} {
			offset, _, err := f.TailLog(t.Context(), "large", 0, n, store.Cut{})
			wantIs(t, "TailLog", err, nil)
			last := bytes.Join(lines[max(len(lines)-n, 0):], nil)
			wantEqual(t, fmt.Sprint("offset of the last ", n), offset, int64(want.Len()-len(last)))
		}
	})
	t.Run("Tiny", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("tiny")
		f.must(start("tiny", 1))
		var want strings.Builder
		for i := range 500 {
			text := fmt.Sprintln(i)
			want.WriteString(text)
			wantIs(t, "AppendLog", f.appendLog("tiny", 1, stdout(text)), nil)
		}
		wantEqual(t, "log", f.log("tiny", 0, 100), want.String())
	})
	t.Run("Cut", func(t *testing.T) { testCut(t, open) })
	t.Run("LogStart", func(t *testing.T) { testLogStart(t, open) })
	t.Run("Tail", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		for i, test := range []struct {
			chunks  []store.LogChunk
			streams store.Streams
			lines   int
			want    string
		}{
			{[]store.LogChunk{stdout("a\nb\nc\n")}, 0, 1, "c\n"},
			{[]store.LogChunk{stdout("a\nb\nc")}, 0, 1, "c"},
			{[]store.LogChunk{stdout("a\nb\nc\n")}, 0, 2, "b\nc\n"},
			{[]store.LogChunk{stdout("a\nb\nc\n")}, 0, 0, ""},
			{[]store.LogChunk{stdout("a\n")}, 0, 5, "a\n"},
			{[]store.LogChunk{stdout("a\n"), stdout("\n"), stdout("\n")}, 0, 2, "\n\n"},
			{[]store.LogChunk{stdout("a\n"), stdout("b"), stdout("c"), stdout("\n")}, 0, 1, "bc\n"},
			{[]store.LogChunk{stdout("a\n"), stderr("b\n"), stdout("c\n"), stderr("d\n")}, store.Only(store.Stdout), 2, "a\nc\n"},
			{[]store.LogChunk{stdout("a\n"), stderr("b\n"), stdout("c\n"), stderr("d\n")}, store.Only(store.Stdout), 1, "c\n"},
			{[]store.LogChunk{stdout("a\n"), stderr("b\n"), stdout("c\n"), stderr("d\n")}, 0, 3, "b\nc\nd\n"},
			{[]store.LogChunk{stdout("a\n")}, store.Only(store.Stderr), 1, ""},
			{nil, 0, 3, ""},
		} {
			id := fmt.Sprint(i)
			f.submit(id)
			wantIs(t, "AppendLog", f.appendLog(id, 0, test.chunks...), nil)
			offset, end, err := f.TailLog(t.Context(), id, test.streams, test.lines, store.Cut{})
			wantIs(t, "TailLog", err, nil)
			size := int64(0)
			for _, c := range test.chunks {
				size += int64(len(c.Data))
			}
			wantEqual(t, fmt.Sprintf("%d: the end", i), fmt.Sprint(end), fmt.Sprint(size))
			wantEqual(t, fmt.Sprintf("%d: the last %d lines", i, test.lines), string(f.logFrom(id, test.streams, offset, 100)), test.want)
		}
	})
}
