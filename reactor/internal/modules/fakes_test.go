package modules

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// language is an ABI that takes any bytes for a module, and refuses it or waits as the test says.
type language struct {
	abi.ABI // what is not faked

	module  abi.Description
	refused error
	onLoad  func()

	mu     sync.Mutex
	source abi.Source // of the last Load
	loaded int        // and not released
}

func (l *language) Kinds() []abi.Kind                                  { return []abi.Kind{abi.Command} }
func (l *language) Needs(*abi.Description) []string                    { return nil }
func (l *language) WIT([]byte) (string, error)                         { return "", nil }
func (l *language) CheckEntry(*abi.Description, abi.Entry) []abi.Fault { return nil }

func (l *language) Load(_ context.Context, _ *engine.Engine, source abi.Source) (abi.Program, error) {
	if l.onLoad != nil {
		l.onLoad()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.source = source
	if _, err := source.Read(); err != nil {
		return nil, err
	}
	if l.refused != nil {
		return nil, l.refused
	}
	l.loaded++
	return program{l}, nil
}

type program struct{ *language }

func (p program) Description() *abi.Description { return &p.module }
func (p program) StartBytes() int64             { return 0 }
func (p program) NewProcess(*abi.Config) (abi.Process, error) {
	return nil, errors.New("it is not run")
}

func (p program) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded--
}

// fixture is a Registry over a real store and a fake ABI.
type fixture struct {
	*testing.T
	*Registry
	dir      string
	language *language
	stored   []store.Digest
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOf(t, 0)
}

// newFixtureOf makes one whose store has room for so many bytes of modules; 0 is enough.
func newFixtureOf(t *testing.T, bytes int64) *fixture {
	t.Helper()
	f := &fixture{T: t, dir: t.TempDir(), language: &language{module: abi.Description{Kind: abi.Command}}}
	opened, err := sqlite.Opener(f.dir)(t.Context(), store.Options{Observer: func([]store.Change) {}, ModuleBytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	abis, err := abi.NewSet(f.language)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	f.Registry = New(Config{
		Store: opened, Engine: e, ABIs: abis, MaxBytes: 1 << 20, MaxMemoryBytes: func() uint64 { return 1 << 20 },
		Reading:   func(context.Context) (func(), error) { return func() {}, nil },
		OnDamaged: func(error) {},
		Admits:    func(string) bool { return true },
		OnPruned:  func(Pruned) {},
		OnStored: func(digest store.Digest) {
			mu.Lock()
			defer mu.Unlock()
			f.stored = append(f.stored, digest)
		},
	})
	t.Cleanup(func() {
		if f.language.loaded != 0 {
			t.Errorf("%d programs are not released", f.language.loaded)
		}
		if err := errors.Join(opened.Close(), e.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return f
}

// begin begins a push, which is to go on at an offset.
func (f *fixture) begin(text, tag string, offset int) *Push {
	f.Helper()
	digest := store.DigestOf([]byte(text))
	p, err := f.Push(f.Context(), api.PushRequest{Digest: digest.String(), SizeBytes: uint64(len(text)), Tag: tag, Sender: "me"})
	if err != nil {
		f.Fatal(err)
	}
	if p.Offset() != uint64(offset) {
		f.Fatalf("a push begins at %d, want %d", p.Offset(), offset)
	}
	return p
}

// write writes the rest of a push.
func (f *fixture) write(p *Push, text string) {
	f.Helper()
	if _, err := p.Write([]byte(text)[p.Offset():]); err != nil {
		f.Fatal(err)
	}
}

// push pushes a module that is not there.
func (f *fixture) push(text, tag string) {
	f.Helper()
	p := f.begin(text, tag, 0)
	f.write(p, text)
	if _, existed, err := p.Commit(f.Context()); err != nil || existed {
		f.Fatalf("push %s: existed %t, %v", text, existed, err)
	}
}

// wantError checks the class of an error, and whether it tells when to try again.
func wantError(t *testing.T, err error, class errs.Class, retry bool) {
	t.Helper()
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || e.Class != class || (e.Retry > time.Duration(0)) != retry {
		t.Errorf("error %+v (%v), want %v; with a time to try again: %t", e, err, class, retry)
	}
}
