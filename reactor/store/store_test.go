package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

func TestStateSet(t *testing.T) {
	all := []store.State{store.Pending, store.Running, store.Succeeded, store.Failed, store.Cancelled}
	for bits := range 1 << len(all) {
		var want []store.State
		for i, s := range all {
			if bits&(1<<i) != 0 {
				want = append(want, s)
			}
		}
		set := store.States(want...)
		if got := slices.Collect(set.All()); !slices.Equal(got, want) {
			t.Errorf("the set of %v has %v", want, got)
		}
		for _, s := range all {
			if set.Has(s) != slices.Contains(want, s) {
				t.Errorf("%v has %v: %t", set, s, set.Has(s))
			}
		}
	}
	for _, s := range all {
		if store.Finished.Has(s) != s.Finished() || store.Unfinished.Has(s) == s.Finished() {
			t.Errorf("%v is in neither or both of the sets", s)
		}
	}
	if got, want := store.States(store.Running, store.Pending, 7).String(), "{PENDING, RUNNING, State(7)}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Apply accepts exactly: an unfinished state that the transition names, an existing state to go to,
// and the token of the attempt, which a start raises.
func TestApply(t *testing.T) {
	for state := store.State(0); state < 8; state++ {
		for to := store.State(0); to < 8; to++ {
			for from := range store.StateSet(1 << 7) {
				for attempt := range uint32(4) {
					transition := store.Transition{ID: "w", From: from, To: to, Attempt: attempt}
					attempts, err := transition.Apply(state, 1)
					unfinished := state == store.Pending || state == store.Running
					known := to >= store.Pending && to <= store.Cancelled
					token := uint32(1)
					if state == store.Pending && to == store.Running {
						token = 2
					}
					accept := unfinished && known && from.Has(state) && attempt == token
					if accept && (err != nil || attempts != token) || !accept && (err == nil || attempts != 1) {
						t.Fatalf("from %v by %+v: %d attempts, %v", state, transition, attempts, err)
					}
				}
			}
		}
	}
}

func TestRequirement(t *testing.T) {
	labels := map[string]string{"app": "web", "empty": ""}
	for _, test := range []struct {
		r    store.Requirement
		want bool
	}{
		{store.Requirement{Key: "app", Value: "web"}, true},
		{store.Requirement{Key: "app", Value: "db"}, false},
		{store.Requirement{Key: "none", Value: ""}, false},
		{store.Requirement{Key: "empty", Value: ""}, true},
		{store.Requirement{Key: "app", Op: store.NotEqual, Value: "web"}, false},
		{store.Requirement{Key: "app", Op: store.NotEqual, Value: "db"}, true},
		{store.Requirement{Key: "none", Op: store.NotEqual, Value: ""}, true},
		{store.Requirement{Key: "empty", Op: store.Exists}, true},
		{store.Requirement{Key: "none", Op: store.Exists}, false},
		{store.Requirement{Key: "empty", Op: store.NotExists}, false},
		{store.Requirement{Key: "none", Op: store.NotExists}, true},
		{store.Requirement{Key: "app", Op: 99, Value: "web"}, false},
	} {
		if got := test.r.Match(labels); got != test.want {
			t.Errorf("%+v: %t", test.r, got)
		}
	}
}

func TestFilter(t *testing.T) {
	web, db := store.DigestOf([]byte("web")), store.DigestOf([]byte("db"))
	w := &store.Workload{State: store.Running, Module: web, Labels: map[string]string{"a": "1", "b": "2"}}
	for _, test := range []struct {
		f    store.Filter
		want bool
	}{
		{store.Filter{}, true},
		{store.Filter{States: store.Unfinished}, true},
		{store.Filter{States: store.Finished}, false},
		{store.Filter{Module: &web}, true},
		{store.Filter{Module: &db}, false},
		{store.Filter{Labels: []store.Requirement{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}, true},
		{store.Filter{Labels: []store.Requirement{{Key: "a", Value: "1"}, {Key: "b", Value: "3"}}}, false},
	} {
		if got := test.f.Match(w); got != test.want {
			t.Errorf("%+v: %t", test.f, got)
		}
	}
}

func TestParseDigest(t *testing.T) {
	d := store.DigestOf([]byte("x"))
	if got, err := store.ParseDigest(d.String()); got != d || err != nil {
		t.Errorf("%s came back as %s, %v", d, got, err)
	}
	for _, bad := range []string{
		"", "sha256:", d.Hex(), strings.ToUpper(d.String()), "sha256:" + strings.ToUpper(d.Hex()),
		d.String() + "0", d.String()[:70], "sha512:" + d.Hex(), "sha256:" + strings.Repeat("g", 64),
	} {
		if got, err := store.ParseDigest(bad); err == nil {
			t.Errorf("%q was taken for %s", bad, got)
		}
	}
}

func TestErrorsNameTheRecord(t *testing.T) {
	cause := errors.New("cause")
	corrupt := &store.CorruptError{Kind: store.KindLog, Name: "w1", Err: cause}
	if !errors.Is(corrupt, cause) {
		t.Error("the cause is lost")
	}
	for _, test := range []struct {
		err   error
		words []string
	}{
		{&store.NotFoundError{Kind: store.KindTag, Name: "latest"}, []string{"tag", "latest"}},
		{&store.StaleError{ID: "w1", State: store.Failed, Attempts: 3}, []string{"w1", "FAILED", "3"}},
		{corrupt, []string{"log", "w1", "cause"}},
		{&store.InUseError{Workloads: 2}, []string{"sha256:", "2"}},
		{&store.LockedError{Dir: "/data", PID: 12}, []string{"/data", "12"}},
		{&store.LockedError{Dir: "/data"}, []string{"/data", "another process"}},
		{&store.SchemaError{Dir: "/data", Found: 9, Supported: 1}, []string{"/data", "9", "1"}},
	} {
		for _, word := range test.words {
			if !strings.Contains(test.err.Error(), word) {
				t.Errorf("%q does not say %q", test.err, word)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	counts := store.Counts{store.Pending: 1, store.Running: 2, store.Failed: 4}
	if got := fmt.Sprint(counts.Of(store.Unfinished), counts.Of(store.Finished), counts.Of(0)); got != "3 4 0" {
		t.Errorf("unfinished, finished, none: %s", got)
	}
}

func TestPrefix(t *testing.T) {
	digest := store.DigestOf([]byte("module"))
	for _, prefix := range []string{digest.Hex()[:6], digest.Hex()[:7], digest.Hex(), digest.String(), digest.String()[:20]} {
		p, err := store.ParsePrefix(prefix)
		if err != nil {
			t.Errorf("%q: %v", prefix, err)
			continue
		}
		first, last := p.Range()
		digits := strings.TrimPrefix(prefix, "sha256:")
		for _, bound := range []store.Digest{first, last} {
			if !strings.HasPrefix(bound.Hex(), digits) {
				t.Errorf("%q: a bound is %s", prefix, bound)
			}
		}
		if bytes.Compare(first[:], digest[:]) > 0 || bytes.Compare(last[:], digest[:]) < 0 {
			t.Errorf("%q: %s is not between %s and %s", prefix, digest, first, last)
		}
	}
	for _, prefix := range []string{"", "sha256:", "12345", "sha256:12345", "12345g", "ABCDEF", "123456 ", digest.Hex() + "0", "sha512:123456"} {
		if _, err := store.ParsePrefix(prefix); err == nil {
			t.Errorf("%q is a prefix", prefix)
		}
	}
}
