package sqlite

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	driver "modernc.org/sqlite"

	"github.com/reactord/reactord/reactor/store"
)

func TestEffort(t *testing.T) {
	const few, many = fewStatements, fewStatements + 1
	for _, test := range []struct {
		name   string
		ran    []int64 // in each interval
		shrink []bool
	}{
		{"nothing", []int64{0, 0}, []bool{false, false}},
		{"little", []int64{few, 0, 0}, []bool{false, false, false}},
		{"a burst, then rest", []int64{many, 0, 0}, []bool{false, true, false}},
		{"a burst, then little", []int64{many, few, 0}, []bool{false, true, false}},
		{"a long burst", []int64{many, many, many, 0, 0}, []bool{false, false, false, true, false}},
		{"little, for long", []int64{few, 1, few, 1}, []bool{false, true, false, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var e effort
			for i, n := range test.ran {
				e.now += n
				if got := e.endInterval(); got != test.shrink[i] {
					t.Errorf("interval %d: %t, want %t", i, got, test.shrink[i])
				}
			}
		})
	}
}

// What a burst has filled the caches of all connections with is given back when it is over.
func TestCachesShrinkAfterBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t)
		digest := store.DigestOf([]byte("module"))
		inOneBatch(t, s, &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}})
		var burst []*store.Workload
		for i := range 2000 {
			burst = append(burst, &store.Workload{ID: fmt.Sprint(i), Module: digest, Spec: make([]byte, 1000)})
		}
		if _, err := s.Submit(t.Context(), burst); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := s.List(t.Context(), store.Query{Limit: 1000}); err != nil {
				t.Fatal(err)
			}
		}
		full := cached(t, s)
		if full < 2<<20 {
			t.Fatalf("the burst has filled the caches with %d bytes only", full)
		}
		time.Sleep(3 * shrinkInterval)
		if rest := cached(t, s); rest > full/8 {
			t.Errorf("of %d bytes of caches %d are left", full, rest)
		}
	})
}

// cached is what the page caches of all connections take.
func cached(t *testing.T, s *Store) (bytes int) {
	t.Helper()
	synctest.Wait() // the writer is idle
	conns := []*conn{s.writer.conn}
	for _, lane := range s.lanes.all() {
		for range cap(lane) {
			c := <-lane
			conns = append(conns, c)
			lane <- c
		}
	}
	for _, c := range conns {
		err := c.conn.Raw(func(c any) error {
			used, _, err := c.(driver.DBStatus).Status(driver.DBStatusCacheUsed, false)
			bytes += used
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return bytes
}
