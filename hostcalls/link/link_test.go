package link

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/hostcalls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is a Provider in tests, which answers at once.
type provider struct{ exports *Exports }

func (p *provider) Exports() *Exports { return p.exports }

func (*provider) Call(c Call, answer func(Answer)) func() {
	answer(Answer{Err: errors.New(c.Caller + " calls " + c.Function)})
	return func() {}
}

// function is one that takes a parameter of a kind.
func function(iface, name string, kind types.Kind, async bool) Function {
	return Function{iface, name, &types.Func{Async: async, Params: []types.Field{{Name: "a", Type: types.NewTable().Prim(kind)}}}}
}

// TestExports: an import gets the export of its name in a compatible version, if the types are the same.
func TestExports(t *testing.T) {
	e := NewExports([]Function{function("a:b/c@1.2.0", "f", types.U32, false), function("", "g", types.U32, true)})
	for _, tt := range []struct {
		imported Function
		want     string // the export, or what the error says
	}{
		{function("a:b/c@1.2.0", "f", types.U32, false), "a:b/c@1.2.0#f"},
		{function("a:b/c@1.0.0", "f", types.U32, false), "a:b/c@1.2.0#f"},
		{function("a:b/c@2.0.0", "f", types.U32, false), "a:b/c@2.0.0#f is not exported"},
		{function("a:b/c@1.0.0", "h", types.U32, false), "a:b/c@1.0.0#h is not exported"},
		{function("a:b/c@1.0.0", "f", types.U64, false), `a:b/c@1.0.0#f is exported with another type: parameter "a": it is u32, not u64`},
		{function("a:b/c@1.0.0", "f", types.U32, true), "a:b/c@1.0.0#f is exported with another type: "},
		{function("", "g", types.U32, true), "g"},
		{function("", "f", types.U32, true), "f is not exported"},
	} {
		f, err := e.Find(&tt.imported)
		got := f.FullName()
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && (err == nil || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s: %s, want %s", tt.imported.FullName(), got, tt.want)
		}
	}
	if !e.Async() {
		t.Error("one of them is asynchronous")
	}
}

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a:b/c@1.0.0", "a:b/c@1.2.0", true}, {"a:b/c@1.0.0", "a:b/c", true}, {"a:b/c", "a:b/c", true}, {"f", "f", true},
		{"a:b/c@1.0.0", "a:b/c@2.0.0", false}, {"a:b/c@0.1.0", "a:b/c@0.2.0", false}, {"a:b/c", "a:b/d", false}, {"f", "g", false},
	} {
		if got := Same(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: %t", tt.a, tt.b, got)
		}
	}
}

// TestOffers: what a workload offers is found by those of its tenant until it is withdrawn, and who waits for it is told.
func TestOffers(t *testing.T) {
	o := NewOffers()
	me, other := Peer{o, "t", "me"}, Peer{o, "t", "other"}
	absent := func(p Peer) {
		t.Helper()
		if _, err := p.Find("other"); !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Errorf("%v", err)
		}
	}
	absent(me)
	told := 0
	stop := me.Arrival("other").Notify(func() { told++ })
	p := &provider{NewExports(nil)}
	withdraw, err := other.Offer(p)
	if err != nil || told != 1 {
		t.Fatalf("%v, told %d times", err, told)
	}
	stop()
	stop()
	if found, err := me.Find("other"); found != Provider(p) || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	me.Arrival("other").Notify(func() { told++ })()
	if told != 2 {
		t.Error("who waits for what is there is not told")
	}
	absent(Peer{o, "another tenant", "me"})
	if _, err := other.Offer(p); err == nil {
		t.Error("it offers twice")
	}
	withdraw()
	absent(me)
	again, err := other.Offer(p)
	if err != nil {
		t.Fatal(err)
	}
	withdraw() // the one before
	if _, err := me.Find("other"); err != nil {
		t.Error(err)
	}
	again()
	if len(o.offered)+len(o.awaited) > 0 {
		t.Errorf("left: %v, %v", o.offered, o.awaited)
	}
	if _, err := (Peer{}).Find("other"); err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("without others: %v", err)
	}
	if _, err := (Peer{}).Offer(p); err == nil {
		t.Error("it offers to nobody")
	}
}

// TestLink: a link calls what is offered now, and compares the types of what it has not seen before.
func TestLink(t *testing.T) {
	o := NewOffers()
	l := New(Peer{o, "t", "me"}, "other", []Function{function("a:b/c@1.0.0", "f", types.U32, false)})
	call := func() string {
		var text string
		_, err := l.Call(Call{}, 0, func(a Answer) { text = a.Err.Error() })
		if err != nil {
			return err.Error()
		}
		return text
	}
	const absent = "workload other is not there, or does not offer its functions to other workloads"
	for _, tt := range []struct {
		offered Function
		want    string
	}{
		{function("a:b/c@1.1.0", "f", types.U32, false), "me calls a:b/c@1.1.0#f"},
		{function("a:b/c@1.2.0", "f", types.U32, false), "me calls a:b/c@1.2.0#f"},
		{function("a:b/c@1.2.0", "f", types.Bool, false), "workload other does not have what is imported from it: a:b/c@1.0.0#f is exported with another type: "},
	} {
		if got := call(); got != absent {
			t.Errorf("before it is offered: %s", got)
		}
		withdraw, err := (Peer{o, "t", "other"}).Offer(&provider{NewExports([]Function{tt.offered})})
		if err != nil {
			t.Fatal(err)
		}
		if got := call(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s, want %s", got, tt.want)
		}
		withdraw()
	}
}
