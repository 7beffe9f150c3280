package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// testCut appends random output with gaps, in several attempts, to a log that is cut, and compares what is read with
// what was written.
func testCut(t *testing.T, open Open) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			c := &cutLog{fixture: newFixture(t, open, Options{}), rand: rand.New(rand.NewPCG(seed, 1)), attempt: 1}
			c.head, c.tail = 1+c.rand.Int64N(5000), 1+c.rand.Int64N(100_000)
			c.submit("a")
			c.must(start("a", 1))
			for range 120 {
				c.step()
				c.compare()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// cutLog is what a log should have.
type cutLog struct {
	*fixture
	rand       *rand.Rand
	head, tail int64
	attempt    uint32
	text       []byte // all that was written
	lost       []bool // of each byte: it was never appended
	stream     []store.Stream
	of         []uint32 // of each byte: the attempt
}

func (c *cutLog) end() int64 { return int64(len(c.text)) }

func (c *cutLog) cut() store.Cut { return store.Cut{From: c.head, To: c.end() - c.tail} }

func (c *cutLog) step() {
	switch c.rand.IntN(12) {
	case 0:
		c.lose(c.rand.IntN(30_000))
		return
	case 1:
		c.must(store.Transition{ID: "a", From: store.Unfinished, To: store.Pending, Attempt: c.attempt, Time: epoch})
		c.attempt++
		c.must(start("a", c.attempt))
		return
	case 2:
		c.reopen(Options{})
		c.claim()
	}
	var chunks []store.LogChunk
	for range 1 + c.rand.IntN(4) {
		n := 1 + c.rand.IntN(3000)
		if c.rand.IntN(20) == 0 {
			n *= 20
		}
		chunk := store.LogChunk{Offset: c.end(), Stream: store.Stream(1 + c.rand.IntN(2)), Time: epoch}
		for range n {
			b := byte('a' + c.rand.IntN(26))
			if c.rand.IntN(100) == 0 {
				b = '\n'
			}
			chunk.Data = append(chunk.Data, b)
		}
		c.write(chunk.Data, chunk.Stream, false)
		chunks = append(chunks, chunk)
		if c.rand.IntN(10) == 0 {
			c.lose(c.rand.IntN(500))
		}
	}
	done := make(chan error, 1)
	c.AppendLog(store.LogAppend{ID: "a", Attempt: c.attempt, Chunks: chunks, Cut: c.cut()}, func(err error) { done <- err })
	wantIs(c.t, "AppendLog", <-done, nil)
}

func (c *cutLog) write(data []byte, stream store.Stream, lost bool) {
	c.text = append(c.text, data...)
	for range data {
		c.lost, c.stream, c.of = append(c.lost, lost), append(c.stream, stream), append(c.of, c.attempt)
	}
}

func (c *cutLog) lose(n int) { c.write(make([]byte, n), 0, true) }

// claim takes the workload up after the store was reopened.
func (c *cutLog) claim() {
	claimed, err := c.Claim(c.t.Context(), 10)
	wantIs(c.t, "Claim", err, nil)
	wantEqual(c.t, "claimed", len(claimed.Workloads), 1)
	c.attempt++
	c.must(start("a", c.attempt))
}

// kept reports whether the byte at a position can be read.
func (c *cutLog) kept(position int64) bool {
	cut := c.cut()
	return !c.lost[position] && (position < cut.From || position >= cut.To)
}

func (c *cutLog) compare() {
	c.t.Helper()
	from := int64(0)
	if c.rand.IntN(2) == 0 {
		from = c.rand.Int64N(c.end() + 1)
	}
	seen := from
	limit := 1 + c.rand.IntN(50_000)
	for position := from; ; {
		entries, next, err := c.ReadLog(c.t.Context(), "a", position, c.cut(), limit)
		if err != nil {
			c.t.Fatalf("ReadLog at %d: %v", position, err)
		}
		for _, e := range entries {
			for ; seen < e.Offset; seen++ {
				if c.kept(seen) {
					c.t.Fatalf("byte %d of %d is missing, with the cut %v", seen, c.end(), c.cut())
				}
			}
			if e.Offset < seen || !bytes.Equal(e.Data, c.text[e.Offset:e.End()]) {
				c.t.Fatalf("%d bytes at %d are wrong; %d were seen", len(e.Data), e.Offset, seen)
			}
			for ; seen < e.End(); seen++ {
				if !c.kept(seen) || c.stream[seen] != e.Stream || c.of[seen] != e.Attempt {
					c.t.Fatalf("byte %d of %d came with stream %d and attempt %d, with the cut %v", seen, c.end(), e.Stream, e.Attempt, c.cut())
				}
			}
		}
		if next == position {
			break
		}
		position = next
	}
	for ; seen < c.end(); seen++ {
		if c.kept(seen) {
			c.t.Fatalf("byte %d of %d is missing at the end, with the cut %v", seen, c.end(), c.cut())
		}
	}
	c.compareTail()
}

// compareTail searches for the last lines. What is missing ends a line.
func (c *cutLog) compareTail() {
	c.t.Helper()
	lines, streams := 1+c.rand.IntN(400), store.Streams(c.rand.IntN(4))<<1
	want, left := int64(0), lines
	line, whole := int64(-1), true // where the line begins that was begun; whether the next newline ends another one
	for at := c.end() - 1; at >= 0 && left > 0; at-- {
		switch {
		case !c.kept(at):
			if line >= 0 {
				if left--; left == 0 {
					want = line
				}
			}
			line, whole = -1, true
		case !streams.Has(c.stream[at]):
		case c.text[at] == '\n' && !whole:
			if left--; left == 0 {
				want = line
			}
			line = at
		default:
			line, whole = at, false
		}
	}
	got, _, err := c.TailLog(c.t.Context(), "a", streams, lines, c.cut())
	wantIs(c.t, "TailLog", err, nil)
	for at := min(got, want); at < max(got, want); at++ { // what lies between is of the other stream
		if c.kept(at) && streams.Has(c.stream[at]) {
			c.t.Fatalf("the last %d lines of %v begin at %d, want %d, of %d with the cut %v", lines, streams, got, want, c.end(), c.cut())
		}
	}
}

func testLogStart(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	f.submit("a")
	for attempt := range uint32(20) {
		f.must(start("a", attempt+1))
		for range attempt % 3 { // some write nothing
			wantIs(t, "AppendLog", f.appendLog("a", attempt+1, stdout("0123456789")), nil)
		}
		f.must(store.Transition{ID: "a", From: store.Unfinished, To: store.Pending, Attempt: attempt + 1, Time: epoch})
	}
	written := int64(0)
	for attempt := range uint32(20) {
		got, found, err := f.LogStart(t.Context(), "a", attempt)
		wantIs(t, "LogStart", err, nil)
		wantEqual(t, fmt.Sprint("there is output after attempt ", attempt), found, written < 190)
		if found {
			wantEqual(t, fmt.Sprint("the output after attempt ", attempt), got, written)
		}
		written += 10 * int64(attempt%3)
	}
	_, _, err := f.LogStart(t.Context(), "nobody", 0)
	wantAs[*store.NotFoundError](t, "LogStart", err)
}
