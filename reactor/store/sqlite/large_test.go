package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// Specs may have megabytes of input. However many records are asked for, what is read at a time is
// bounded, and nothing is left out.
func TestLargeSpecs(t *testing.T) {
	const count, size, most = 12, enoughBytes / 2, 3
	config := Config{Dir: t.TempDir()}
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	digest := store.DigestOf([]byte("module"))
	u, err := s.Upload(t.Context(), digest, 6, store.Resume{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("module")); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Commit(t.Context(), store.NewModule{Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		_, err := s.Submit(t.Context(), []*store.Workload{{
			ID: fmt.Sprint(i), Tenant: "t", Module: digest, Spec: make([]byte, size), Created: time.Now(),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]map[string]int{"list": {}, "changes": {}, "claim": {}}
	note := func(by string, ws []*store.Workload) {
		if len(ws) > most {
			t.Errorf("%s: %d records of half the bound at a time", by, len(ws))
		}
		for _, w := range ws {
			seen[by][w.ID]++
		}
	}
	for token, more := "", true; more; more = token != "" {
		page, err := s.List(t.Context(), store.Query{Token: token, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		note("list", page.Workloads)
		token = page.Next
	}
	for since := int64(0); since < s.Revision(); {
		found, err := s.Changes(t.Context(), since, 1000)
		if err != nil {
			t.Fatal(err)
		}
		note("changes", found.Workloads)
		since = found.Next
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for {
		claimed, err := s.Claim(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(claimed.Workloads) == 0 {
			break
		}
		note("claim", claimed.Workloads)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for by, ids := range seen {
		for i := range count {
			if n := ids[fmt.Sprint(i)]; n != 1 {
				t.Errorf("%s: %d was there %d times", by, i, n)
			}
		}
	}
}
