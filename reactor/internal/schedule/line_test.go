package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// roomy is a configuration in which nothing but the order of the queue matters.
var roomy = Config{Starting: 100, Live: 100, Loading: 100, Pending: 100, Bytes: 1 << 20, Patience: time.Second}

// run plays a script: "+a1" adds a1 for tenant a, "^a1" puts it back that was to be started, "-a1" cancels
// it, "." starts the next. All have one module. It returns what was started.
func run(s *Scheduler[string, bool], script string) (started []string) {
	entries := map[string]*Entry[string, bool]{}
	now := time.Unix(1000, 0)
	for op := range strings.FieldsSeq(script) {
		if op == "." {
			started = append(started, startNext(s, now))
			continue
		}
		name := op[1:]
		switch op[0] {
		case '+':
			e := new(Entry[string, bool])
			e.Init(name, Key{}, 1, 0)
			entries[name] = e
			s.Add(name[:1], e)
		case '^':
			s.PutBack(entries[name])
		case '-':
			s.Cancel(entries[name], lifecycle.ByClient)
		}
	}
	return started
}

func startNext(s *Scheduler[string, bool], now time.Time) string {
	for {
		switch a := s.Next(now, 0); a.Kind {
		case Load:
			s.OnLoaded(a.Entry.Key(), true, 1, false)
		case Start:
			return a.Entry.Value
		default:
			return "none"
		}
	}
}

func TestTurns(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"empty", ".", "none"},
		{"first come first served", "+a1 +a2 +a3 . . . .", "a1 a2 a3 none"},
		{"tenants in turn", "+a1 +a2 +a3 +b1 +c1 . . . . .", "a1 b1 c1 a2 a3"},
		{"a newcomer is served this round", "+a1 +a2 . +b1 . .", "a1 a2 b1"},
		{"a long line does not delay another", "+a1 +a2 +a3 +a4 . +b1 +b2 . . . .", "a1 a2 b1 a3 b2"},
		{"put back keeps its place", "+a1 +a2 . ^a1 . .", "a1 a1 a2"},
		{"cancelled in the middle", "+a1 +a2 +a3 -a2 . . .", "a1 a3 none"},
		{"cancelling the last passes the turn", "+a1 +b1 -a1 . .", "b1 none"},
		{"cancelled after it was taken", "+a1 . -a1 .", "a1 none"},
		{"used again after it emptied", "+a1 . +a2 +b1 . .", "a1 a2 b1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New[string, bool](roomy)
			run(s, "+x .") // the module is loaded
			if got := run(s, tc.script); !slices.Equal(got, strings.Fields(tc.want)) {
				t.Errorf("%s: got %v, want %s", tc.script, got, tc.want)
			}
		})
	}
}

// What a tenant waits for, its modules and memory, does not keep another's workloads from being started.
func TestTenantsDoNotWaitForEachOther(t *testing.T) {
	c := roomy
	c.Loading, c.Memory = 2, 10
	s := New[string, bool](c)
	now := time.Unix(1000, 0)
	add := func(tenant, name string, module byte, held int64) *Entry[string, bool] {
		e := new(Entry[string, bool])
		e.Init(name, Key{module}, 1, held)
		s.Add(tenant, e)
		return e
	}
	for i := range byte(4) {
		add("a", "slow", 10+i, 0) // four modules that are loaded for ever
	}
	var loads int
	for a := s.Next(now, 0); a.Kind == Load; a = s.Next(now, 0) {
		loads++
	}
	if loads != 2 {
		t.Errorf("%d modules are loaded for one tenant, want 2", loads)
	}
	first := add("b", "first", 1, 0)
	if a := s.Next(now, 0); a.Kind != Load || a.Entry != first {
		t.Fatalf("Next = %+v", a)
	}
	s.OnLoaded(Key{1}, true, 6, false)
	if a := s.Next(now, 0); a.Kind != Start || s.Begin(a.Entry, 0, now, 0) != Granted {
		t.Fatalf("Next = %+v", a)
	}
	large := add("b", "large", 1, -1) // needs 5
	if a := s.Next(now, 0); a.Kind != Start || a.Entry != large || s.Begin(large, 0, now, 0) != Wait {
		t.Fatalf("Next = %+v", a)
	}
	add("c", "small", 1, -4) // needs 2
	now = now.Add(time.Hour) // memory is kept for the large one
	a := s.Next(now, 0)
	if a.Kind == Settle {
		s.OnSettled(a.Entry, 6, now)
		a = s.Next(now, 0)
	}
	if a.Kind != Start || a.Entry.Value != "small" || s.Begin(a.Entry, 0, now, 0) != Granted {
		t.Fatalf("Next = %+v", a)
	}
}

// Modules are given up with the last who holds them, while they are loaded and after.
func TestModules(t *testing.T) {
	s := New[string, bool](roomy)
	now := time.Unix(1000, 0)
	var a, b Entry[string, bool]
	a.Init("a", Key{1}, 1, 0)
	b.Init("b", Key{1}, 1, 0)
	s.Add("t", &a)
	s.Add("t", &b)
	if next := s.Next(now, 0); next.Kind != Load {
		t.Fatalf("Next = %+v", next)
	}
	if next := s.Next(now, 0); next.Kind != Idle {
		t.Fatalf("Next = %+v: it is loaded twice", next)
	}
	s.Cancel(&a, lifecycle.ByClient)
	if _, unused := s.Forget(&a, now); unused {
		t.Error("it is unused while it is loaded")
	}
	s.Cancel(&b, lifecycle.ByClient)
	s.Forget(&b, now)
	if !s.OnLoaded(Key{1}, true, 1, false) {
		t.Error("nobody holds it any more, and it is used")
	}
	if len(s.modules)+len(s.lines) != 0 {
		t.Errorf("%d modules and %d tenants are left", len(s.modules), len(s.lines))
	}
}

func TestPromise(t *testing.T) {
	c := roomy
	c.Pending, c.Bytes = 2, 10
	s := New[string, bool](c)
	if got := s.Promise(100); got != NotRefused {
		t.Errorf("one that is alone: %v", got)
	}
	if got := s.Promise(1); got != NoBytes {
		t.Errorf("beyond the bytes: %v", got)
	}
	s.Redeem(100)
	for range 2 {
		if got := s.Promise(1); got != NotRefused {
			t.Errorf("within the bounds: %v", got)
		}
	}
	if got := s.Promise(1); got != NoPlace {
		t.Errorf("beyond the places: %v", got)
	}
	s.Redeem(1)
	s.Drain(true)
	if got := s.Promise(1); got != Draining {
		t.Errorf("draining: %v", got)
	}
	if s.Taken() != 1 {
		t.Errorf("%d bytes are taken, want 1", s.Taken())
	}
}
