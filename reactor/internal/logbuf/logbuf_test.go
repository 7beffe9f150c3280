package logbuf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// disk is an Appender that stores batches when it is told to.
type disk struct {
	mu      sync.Mutex
	stored  map[string][]byte
	waiting []func()
	fail    error
	auto    bool // store without being told
}

func (d *disk) AppendLog(a store.LogAppend, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	commit := func() {
		d.mu.Lock()
		if d.fail == nil {
			d.stored[a.ID] = appendChunks(d.stored[a.ID], a.Chunks)
		}
		d.mu.Unlock()
		done(d.fail)
	}
	if d.auto {
		go commit()
		return
	}
	d.waiting = append(d.waiting, commit)
}

func (d *disk) commit() (batches int) {
	d.mu.Lock()
	waiting := d.waiting
	d.waiting = nil
	d.mu.Unlock()
	for _, commit := range waiting {
		commit()
	}
	return len(waiting)
}

func appendChunks(to []byte, chunks []store.LogChunk) []byte {
	for _, c := range chunks {
		to = append(to, c.Data...)
	}
	return to
}

func open(t *testing.T, bytes int64) (*Spool, *disk) {
	d := &disk{stored: map[string][]byte{}}
	s := NewSpool(Config{Store: d, Bytes: bytes, Age: time.Second, OnFailed: func(string, error) {}, OnDropping: func(uint64, bool) {}})
	t.Cleanup(s.Close)
	return s, d
}

// appendTo appends as a guest does that nobody reads.
func appendTo(l *Log, stream store.Stream, p []byte) (int, error) {
	_, n, err := l.Append(stream, p, time.Now(), true)
	return n, err
}

func onRoom(l *Log, ready func()) (stop func()) { return l.Notify(ready, true) }

func text(entries []store.LogEntry) []byte {
	var b []byte
	for _, e := range entries {
		b = append(b, e.Data...)
	}
	return b
}

func write(t *testing.T, l *Log, stream store.Stream, s string) {
	t.Helper()
	if n, err := appendTo(l, stream, []byte(s)); n != len(s) || err != nil {
		t.Fatalf("Append(%.20q) = %d, %v", s, n, err)
	}
}

func TestWritesAfterAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := open(t, 1<<20)
		l := s.NewLog("w", 1, 1<<10, Origin{})
		write(t, l, store.Stdout, "one ")
		write(t, l, store.Stdout, "two ")
		write(t, l, store.Stderr, "three")
		synctest.Wait()
		if n := d.commit(); n != 0 {
			t.Fatalf("%d batches before their age", n)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		write(t, l, store.Stderr, "; four")
		chunks, next, ok := l.Read(0, 1<<20)
		if got := text(chunks); !ok || next != 19 || string(got) != "one two three; four" || len(chunks) != 3 {
			t.Errorf("while under way: Read = %q in %d chunks, %d, %v", got, len(chunks), next, ok)
		}
		if n := d.commit(); n != 1 {
			t.Fatalf("%d batches, want 1", n)
		}
		if got := string(d.stored["w"]); got != "one two three" {
			t.Errorf("stored %q", got)
		}
		if _, _, ok := l.Read(0, 1<<20); ok {
			t.Error("Read has what is in the store")
		}
		if chunks, next, ok := l.Read(13, 1<<20); !ok || next != 19 || string(text(chunks)) != "; four" {
			t.Errorf("Read = %v, %d, %v", chunks, next, ok)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		d.commit()
		if s.Used() != 0 {
			t.Errorf("%d bytes in use after all is stored", s.Used())
		}
	})
}

func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := open(t, 4*maxWrite)
		l := s.NewLog("w", 1, 1<<30, Origin{})
		block := bytes.Repeat([]byte{'x'}, maxWrite)
		var wrote int
		for {
			n, err := appendTo(l, store.Stdout, block)
			wrote += n
			if errors.Is(err, ErrNoRoom) {
				break
			}
		}
		if wrote > 4*maxWrite {
			t.Fatalf("%d bytes went into %d", wrote, 4*maxWrite)
		}
		var told, stopped int
		onRoom(l, func() { told++ })
		stop := onRoom(l, func() { stopped++ })
		stop()
		stop()
		synctest.Wait() // no time passes: the spool does not wait for Age when it is full
		if n := d.commit(); n != 1 {
			t.Fatalf("%d batches, want 1", n)
		}
		if told != 1 || stopped != 0 {
			t.Errorf("told %d times, and %d times after stop", told, stopped)
		}
		if _, err := appendTo(l, store.Stdout, block); err != nil {
			t.Errorf("Append after room was made: %v", err)
		}
		synctest.Wait()
		l.Seal(func(_ []store.LogChunk, _ store.Cut) {})
		d.commit()
	})
}

func TestSealWaitsForTheBatchUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := open(t, 1<<20)
		l := s.NewLog("w", 1, 1<<10, Origin{})
		write(t, l, store.Stdout, "under way, ")
		l.Flush()
		synctest.Wait()
		write(t, l, store.Stdout, "the rest")
		var rest []byte
		l.Seal(func(chunks []store.LogChunk, _ store.Cut) { rest = appendChunks(nil, chunks) })
		if rest != nil {
			t.Fatalf("sealed with %q while a batch is under way", rest)
		}
		d.commit()
		if string(rest) != "the rest" {
			t.Fatalf("sealed with %q", rest)
		}
		if chunks, _, ok := l.Read(11, 99); !ok || string(text(chunks)) != "the rest" {
			t.Errorf("Read before Release = %q, %v", text(chunks), ok)
		}
		write(t, l, store.Stdout, "late")
		if _, dropped := l.Written(); dropped != 4 {
			t.Errorf("dropped %d of what came after Seal", dropped)
		}
		changed := l.Changed()
		l.Release()
		<-changed
		if e := l.Extent(); e.Stored != 19 || e.End != 23 || !e.Released {
			t.Errorf("Extent = %+v", e)
		}
		if s.Used() != 0 {
			t.Errorf("%d bytes in use", s.Used())
		}
	})
}

func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{stored: map[string][]byte{}, fail: io.ErrShortWrite}
		var failed []string
		s := NewSpool(Config{Store: d, Bytes: 1 << 20, Age: time.Second, OnFailed: func(id string, err error) {
			failed = append(failed, fmt.Sprint(id, ": ", err))
		}})
		l := s.NewLog("w", 1, 1<<10, Origin{})
		write(t, l, store.Stdout, "lost")
		s.Close() // writes what is held
		d.commit()
		if len(failed) != 1 || s.Used() != 0 {
			t.Errorf("failures %q, %d bytes in use", failed, s.Used())
		}
	})
}

// A log that is never satisfied leaves room for the others, and takes up what the others do not.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const memory = 1 << 20
		s, _ := open(t, memory)
		fill := func(l *Log) {
			for {
				if _, err := appendTo(l, store.Stdout, make([]byte, maxWrite)); err != nil {
					return
				}
			}
		}
		var logs []*Log
		for n := range 7 {
			l := s.NewLog(fmt.Sprint(n), 1, 1<<30, Origin{})
			logs = append(logs, l)
			for range 3 {
				for _, l := range logs {
					fill(l)
				}
			}
			if left := memory - s.Used(); left < memory>>(n+2) {
				t.Errorf("%d loud logs leave %d bytes", n+1, left)
			}
			quiet := s.NewLog(fmt.Sprint("quiet", n), 1, 1<<30, Origin{})
			write(t, quiet, store.Stdout, "a line\n")
		}
	})
}

// What is written to a log goes to the store in batches of bounded size, also at its end.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := open(t, 8<<20)
		l := s.NewLog("w", 1, 1<<30, Origin{})
		want := 0
		for range 40 {
			n, err := appendTo(l, store.Stdout, make([]byte, maxWrite))
			if err != nil {
				t.Fatal(err)
			}
			want += n
		}
		rest := -1
		l.Seal(func(chunks []store.LogChunk, _ store.Cut) { rest = len(appendChunks(nil, chunks)) })
		for batches := 0; rest < 0; batches++ {
			synctest.Wait()
			before := len(d.stored["w"])
			d.commit()
			if got := len(d.stored["w"]) - before; got > maxBatch+maxWrite {
				t.Errorf("a batch has %d bytes", got)
			}
			if batches > 100 {
				t.Fatal("the log does not end")
			}
		}
		if got := len(d.stored["w"]) + rest; got != want || rest > maxBatch+maxWrite {
			t.Errorf("%d bytes arrived, %d of them at the end, want %d", got, rest, want)
		}
	})
}

// A guest that writes a byte to one stream and a byte to the other makes a row of each: batches are
// bounded by rows as well.
func TestBatchesOfBytes(t *testing.T) {
	chunks := make([]store.LogChunk, 100_000)
	for i := range chunks {
		chunks[i].Data = []byte{'x'}
	}
	if n := batchOf(chunks, maxBatch); n > maxBatch/chunkCost {
		t.Errorf("a batch has %d chunks, want %d at the most", n, maxBatch/chunkCost)
	}
}

// While the store is full output stays in memory, and what finds no room there is counted and
// dropped; nobody waits. When the store takes output again, all that was kept arrives.
func TestStoreIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		d := &disk{stored: map[string][]byte{}, fail: fmt.Errorf("no: %w", store.ErrFull)}
		s := NewSpool(Config{
			Store: d, Bytes: 1 << 20, Age: time.Second,
			OnFailed:   func(id string, err error) { t.Errorf("%s: %v", id, err) },
			OnDropping: func(n uint64, ended bool) { told = append(told, fmt.Sprint(n > 0, ended)) },
		})
		defer s.Close()
		l, other := s.NewLog("w", 1, 1<<30, Origin{}), s.NewLog("x", 1, 1<<30, Origin{})
		write(t, other, store.Stdout, "before the end\n")
		next := func() {
			time.Sleep(time.Second) // virtual
			synctest.Wait()
			d.commit()
			synctest.Wait()
		}
		write(t, l, store.Stdout, "x")
		next()
		if !l.Refused() {
			t.Fatal("the spool does not know that the store is full")
		}
		total := 1
		for range 100 {
			n, err := appendTo(l, store.Stdout, make([]byte, 30_000))
			if err != nil {
				t.Fatalf("a guest would have to wait: %v", err)
			}
			total += n
		}
		written, dropped := l.Written()
		if written != uint64(total) || dropped == 0 || dropped > uint64(total)-1<<18 {
			t.Errorf("%d bytes written, %d dropped, of %d", written, dropped, total)
		}
		for range 3 {
			next()
		}
		d.mu.Lock()
		d.fail = nil
		d.mu.Unlock()
		for range 10 {
			next()
		}
		if kept := uint64(len(d.stored["w"])); kept != written-dropped {
			t.Errorf("%d bytes arrived, want %d", kept, written-dropped)
		}
		if got := string(d.stored["x"]); got != "before the end\n" {
			t.Errorf("of the other log %q arrived", got)
		}
		if got := fmt.Sprint(told); got != "[false false true true]" {
			t.Errorf("told %s", got)
		}
	})
}

// TestManyLogs writes more through many logs than the spool may hold, while readers follow: each
// log arrives whole and in order, in the store and at its reader.
func TestManyLogs(t *testing.T) {
	d := &disk{stored: map[string][]byte{}, auto: true}
	s := NewSpool(Config{Store: d, Bytes: 4 * maxWrite, Age: time.Millisecond, OnFailed: func(id string, err error) {
		t.Errorf("%s: %v", id, err)
	}})
	defer s.Close()
	var all sync.WaitGroup
	for i := range 16 {
		id := fmt.Sprint(i)
		l := s.NewLog(id, 1, 1<<30, Origin{})
		all.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			var want []byte
			for len(want) < 200_000 {
				p := bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(5000))
				n, err := appendTo(l, store.Stream(1+rng.IntN(2)), p)
				want = append(want, p[:n]...)
				if err != nil {
					room := make(chan struct{})
					onRoom(l, func() { close(room) })
					<-room
				}
			}
			sealed := make(chan []store.LogChunk, 1)
			l.Seal(func(rest []store.LogChunk, _ store.Cut) { sealed <- rest })
			rest := <-sealed
			d.mu.Lock()
			got := appendChunks(d.stored[id], rest)
			d.mu.Unlock()
			l.Release()
			if !bytes.Equal(got, want) {
				t.Errorf("log %s: the store got %d bytes, not the %d written", id, len(got), len(want))
			}
		})
		all.Go(func() {
			var pos int64
			for {
				changed := l.Changed()
				before := l.Extent()
				chunks, next, ok := l.Read(pos, 10_000)
				end := l.Extent().End // more may have been written meanwhile
				switch {
				case before.Released:
					return
				case !ok:
					pos = before.Stored // a reader gets this from the store
				case next > end || next < pos || int64(len(text(chunks))) != next-pos:
					t.Errorf("log %s: Read(%d) = %d bytes, next %d, end %d", id, pos, len(text(chunks)), next, end)
					return
				case next == pos:
					<-changed
				default:
					pos = next
				}
			}
		})
	}
	all.Wait()
	if s.Used() != 0 {
		t.Errorf("%d bytes in use", s.Used())
	}
}
