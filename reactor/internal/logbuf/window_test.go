package logbuf

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func TestWindow(t *testing.T) {
	for _, tc := range []struct {
		limit uint64
		end   int64
		want  store.Cut
		size  int64
	}{
		{100, 0, store.Cut{From: 6, To: 6}, 0},
		{100, 100, store.Cut{From: 6, To: 6}, 0},
		{100, 101, store.Cut{From: 6, To: 7}, 1},
		{100, 1000, store.Cut{From: 6, To: 906}, 900},
		{1, 5, store.Cut{From: 0, To: 4}, 4},
		{0, 5, store.Cut{From: 0, To: 5}, 5},
		{1 << 20, 3 << 20, store.Cut{From: 16 << 10, To: 2<<20 + 16<<10}, 2 << 20},
		{1 << 63, 1 << 61, store.Cut{From: 16 << 10, To: 16 << 10}, 0},
	} {
		w := WindowOf(tc.limit)
		got := w.Cut(tc.end)
		if got != tc.want || got.Size() != tc.size || w.Exceeds(tc.end) != (tc.size > 0) {
			t.Errorf("a log of %d that keeps %d is cut at %v", tc.end, tc.limit, got)
		}
		for _, position := range []int64{0, tc.end / 2, tc.end} {
			spare := w.Spare(position, tc.end)
			if cut := w.Cut(tc.end + spare); spare >= 0 && cut.Size() > 0 && cut.To > max(position, cut.From) {
				t.Errorf("%d more after %d, limit %d, cut out %v, from %d on", spare, tc.end, tc.limit, cut, position)
			}
			if cut := w.Cut(tc.end + spare + 1); spare >= 0 && (cut.Size() == 0 || cut.To <= position) {
				t.Errorf("%d more after %d, limit %d, cut out only %v, from %d on", spare+1, tc.end, tc.limit, cut, position)
			}
		}
	}
}

// TestGaps adds gaps in any order, removes what is cut out, and compares with a set of bytes.
func TestGaps(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var g gaps
		missing := make([]bool, 2000)
		cut := store.Cut{From: 50, To: 50}
		for range 200 {
			from := rng.IntN(len(missing))
			to := from
			for to < len(missing) && to < from+20 && !missing[to] && (int64(to) < cut.From || int64(to) >= cut.To) {
				to++
			}
			g.add(int64(from), int64(to))
			for i := from; i < to; i++ {
				missing[i] = true
			}
			cut.To += rng.Int64N(10)
			g.remove(cut)
			want := int64(0)
			for i := range missing {
				if missing[i] = missing[i] && (int64(i) < cut.From || int64(i) >= cut.To); missing[i] {
					want++
				}
			}
			sum, end := int64(0), int64(-1)
			for _, s := range g.spans {
				if s.from <= end || s.from >= s.to {
					t.Fatalf("seed %d: the gaps are %v", seed, g.spans)
				}
				sum, end = sum+s.to-s.from, s.to
			}
			if g.bytes != want || sum != want {
				t.Fatalf("seed %d: %d bytes, spans of %d, want %d", seed, g.bytes, sum, want)
			}
		}
	}
	var many gaps
	for i := range int64(10_000) {
		many.add(3*i, 3*i+1)
	}
	if len(many.spans) > maxGaps || many.bytes != 10_000 {
		t.Errorf("%d gaps have %d bytes", len(many.spans), many.bytes)
	}
	if many.remove(store.Cut{To: 30_000}); many.bytes != 0 || len(many.spans) != 0 {
		t.Errorf("%d gaps are left, of %d bytes", len(many.spans), many.bytes)
	}
}

// tape is an Appender that keeps the output of one workload by position.
type tape struct {
	text    []byte // zero: not there
	mu      sync.Mutex
	pending []func() // guarded by mu
	err     error    // of what is stored next
}

func (d *tape) AppendLog(a store.LogAppend, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = append(d.pending, func() {
		if d.err == nil {
			d.write(a.Chunks, a.Cut)
		}
		done(d.err)
	})
}

func (d *tape) write(chunks []store.LogChunk, cut store.Cut) {
	for _, c := range chunks {
		for int64(len(d.text)) < c.End() {
			d.text = append(d.text, 0)
		}
		copy(d.text[c.Offset:], c.Data)
	}
	if to := min(cut.To, int64(len(d.text))); to > cut.From {
		clear(d.text[cut.From:to])
	}
}

func (d *tape) commit() {
	d.mu.Lock()
	pending := d.pending
	d.pending = nil
	d.mu.Unlock()
	for _, p := range pending {
		p()
	}
}

// TestLogModel writes random amounts to logs of random limits, in little memory, to a store that is slow, full or
// fails, in several attempts. What can be read of the beginning and of the newest is as it was written, and all that is
// missing is counted, no more and no less.
func TestLogModel(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				m := &logModel{T: t, rand: rng, disk: &tape{}, limit: 1 + rng.Uint64N(1<<(4+rng.UintN(16)))}
				m.spool = NewSpool(Config{
					Store: m.disk, Bytes: 4<<10 + rng.Int64N(1<<(13+rng.UintN(8))), Age: time.Second,
					OnFailed: func(string, error) {}, OnDropping: func(uint64, bool) {},
				})
				defer m.spool.Close()
				for attempt := range uint32(3) {
					m.run(attempt + 1)
				}
			})
		})
	}
}

type logModel struct {
	*testing.T
	rand    *rand.Rand
	disk    *tape
	spool   *Spool
	limit   uint64
	text    []byte // all that was written
	dropped uint64
	unknown uint64 // bytes dropped by earlier attempts, within the window then: a log does not know where
}

func (m *logModel) run(attempt uint32) {
	m.unknown = m.dropped - uint64(WindowOf(m.limit).Cut(int64(len(m.text))).Size())
	l := m.spool.NewLog("w", attempt, m.limit, Origin{Written: int64(len(m.text)), Dropped: int64(m.dropped)})
	for range 100 {
		switch m.rand.IntN(8) {
		case 0:
			time.Sleep(time.Duration(m.rand.IntN(1500)) * time.Millisecond)
			synctest.Wait()
		case 1:
			m.disk.err = []error{nil, nil, nil, store.ErrFull}[m.rand.IntN(4)]
			m.commit()
		case 2:
			l.Flush()
			synctest.Wait()
		default:
			m.append(l)
		}
		if m.rand.IntN(4) == 0 {
			m.check(l)
		}
	}
	m.end(l)
}

func (m *logModel) append(l *Log) {
	p := bytes.Repeat([]byte{byte('a' + m.rand.IntN(26))}, 1+m.rand.IntN(1<<m.rand.UintN(17)))
	at, n, err := l.Append(store.Stream(1+m.rand.IntN(2)), p, time.Now(), m.rand.IntN(10) > 0)
	if at != int64(len(m.text)) || n > len(p) || n == 0 && err == nil || err != nil && !errors.Is(err, ErrNoRoom) {
		m.Fatalf("Append = %d, %d, %v, after %d", at, n, err, len(m.text))
	}
	m.text = append(m.text, p[:n]...)
}

func (m *logModel) commit() {
	m.disk.commit()
	synctest.Wait()
}

// check compares what can be read with what was written.
func (m *logModel) check(l *Log) {
	e := l.Extent()
	got := make([]byte, len(m.text))
	copy(got, m.disk.text[:min(int64(len(m.disk.text)), e.Stored)])
	for position := e.Stored; ; {
		entries, next, ok := l.Read(position, 1+m.rand.IntN(10_000))
		if !ok || next < position {
			m.Fatalf("Read(%d) = %d, %t", position, next, ok)
		}
		for _, entry := range entries {
			if entry.Offset < position || entry.End() > next {
				m.Fatalf("Read(%d) = %d bytes at %d, then %d", position, len(entry.Data), entry.Offset, next)
			}
			copy(got[entry.Offset:], entry.Data)
		}
		if next == position {
			break
		}
		position = next
	}
	if e.End != int64(len(m.text)) || e.Cut != WindowOf(m.limit).Cut(e.End) {
		m.Fatalf("the log ends at %d, want %d, and is cut at %v", e.End, len(m.text), e.Cut)
	}
	written, dropped := l.Written()
	m.compare(got, e.Cut, written, dropped)
	if used, most := m.spool.Used(), m.spool.cfg.Bytes; used > most || used < 0 {
		m.Fatalf("%d bytes are used, of %d", used, most)
	}
}

func (m *logModel) compare(got []byte, cut store.Cut, written, dropped uint64) {
	m.Helper()
	got = got[:len(m.text)]
	if to := min(cut.To, int64(len(got))); to > cut.From {
		clear(got[cut.From:to])
	}
	missing := uint64(bytes.Count(got, []byte{0}))
	for at := 0; at < len(got); { // run by run of what is there
		there := bytes.IndexByte(got[at:], 0)
		if there < 0 {
			there = len(got) - at
		}
		if !bytes.Equal(got[at:at+there], m.text[at:at+there]) {
			m.Fatalf("the bytes from %d to %d of %d are not as they were written", at, at+there, len(m.text))
		}
		at += there
		for at < len(got) && got[at] == 0 {
			at++
		}
	}
	if written != uint64(len(m.text)) || dropped > missing+m.unknown || missing > dropped+m.unknown {
		m.Fatalf("%d written, %d dropped; want %d, %d; with the cut %v", written, dropped, len(m.text), missing, cut)
	}
}

// end seals the log, stores the rest, and checks what is stored.
func (m *logModel) end(l *Log) {
	m.disk.err = []error{nil, nil, store.ErrFull}[m.rand.IntN(3)]
	sealed := false
	l.Seal(func(rest []store.LogChunk, cut store.Cut) {
		m.disk.write(rest, cut)
		sealed = true
	})
	for range 100_000 {
		if sealed {
			break
		}
		m.commit()
	}
	l.Release()
	m.disk.err = nil
	e := l.Extent()
	written, dropped := l.Written()
	got := append(bytes.Clone(m.disk.text), make([]byte, len(m.text))...)
	m.compare(got, e.Cut, written, dropped)
	m.dropped = dropped
	if used := m.spool.Used(); used != 0 || !e.Released {
		m.Fatalf("%d bytes are used after the end", used)
	}
}

// scale is an Appender that weighs what it gets.
type scale struct{ bytes atomic.Int64 }

func (d *scale) AppendLog(a store.LogAppend, done func(error)) {
	for _, c := range a.Chunks {
		d.bytes.Add(int64(len(c.Data)))
	}
	go done(nil)
}

// A guest that writes for ever keeps neither the store busy nor memory, and never waits.
func TestEndlessOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, seconds, logs = 1 << 20, 10, 2
		d := &scale{}
		s := NewSpool(Config{Store: d, Bytes: 64 << 20, Age: time.Second, OnFailed: func(string, error) {}})
		defer s.Close()
		var all []*Log
		for i := range logs {
			all = append(all, s.NewLog(fmt.Sprint(i), 1, limit, Origin{}))
		}
		block := bytes.Repeat([]byte{'x'}, 16<<10)
		for range seconds * 10 {
			for range 64 { // 10 MiB a second
				for _, l := range all {
					if n, err := appendTo(l, store.Stdout, block); n != len(block) || err != nil {
						t.Fatalf("Append = %d, %v", n, err)
					}
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if most := logs * (limit + maxBatch + (pacedBatch+len(block))*seconds); int(d.bytes.Load()) > most {
			t.Errorf("%d bytes were stored, more than %d", d.bytes.Load(), most)
		}
		if used := s.Used(); used > logs*(limit+maxBatch) {
			t.Errorf("%d bytes are held", used)
		}
		for _, l := range all {
			e := l.Extent()
			from := max(e.Cut.To, e.Stored) // what is before is stored
			if entries, next, _ := l.Read(from, limit); int64(len(text(entries))) != e.End-from || next != e.End || e.End-from < limit/2 {
				t.Errorf("the newest %d bytes are there", len(text(entries)))
			}
		}
	})
}

// With more logs over their windows than there is memory for, each keeps something of the newest, and a log that is
// not over its window has room.
func TestManyLogsOverTheirWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const memory = 1 << 20
		d := &tape{}
		s := NewSpool(Config{Store: d, Bytes: memory, Age: time.Second, OnFailed: func(string, error) {}})
		defer s.Close()
		var all []*Log
		for i := range 100 {
			all = append(all, s.NewLog(fmt.Sprint(i), 1, 200<<10, Origin{}))
		}
		newest := []byte{0}
		for round := range 400 {
			newest[0] = byte(round)
			synctest.Wait()
			d.commit()
			for _, l := range all {
				for {
					if _, err := appendTo(l, store.Stdout, bytes.Repeat(newest, 1<<10)); err == nil {
						break
					}
					synctest.Wait()
					d.commit()
				}
			}
		}
		held := 0
		for i, l := range all {
			if e := l.Extent(); !l.over {
				t.Fatalf("log %d is not over its window, but at %d", i, e.End)
			}
			if entries, _, _ := l.Read(l.Extent().End-1, 1); string(text(entries)) == string(newest) {
				held++
			}
		}
		if held < len(all)*9/10 {
			t.Errorf("%d of %d logs hold the newest of their output", held, len(all))
		}
		quiet := s.NewLog("quiet", 1, 1<<20, Origin{})
		write(t, quiet, store.Stdout, string(make([]byte, 64<<10)))
	})
}
