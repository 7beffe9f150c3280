package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// TestRefusedPush: what lasts drops what was sent; what passes keeps it, so that the next push need not send it again.
func TestRefusedPush(t *testing.T) {
	for _, tc := range []struct {
		name  string
		err   error
		class errs.Class
		kept  bool
	}{
		{"invalid", &meter.Error{}, errs.ModuleInvalid, false},
		{"unsupported", &meter.Error{Kind: meter.Unsupported}, errs.ModuleUnsupported, false},
		{"a component", &meter.Error{Kind: meter.Component}, errs.ModuleUnsupported, false},
		{"too large", &meter.Error{Kind: meter.TooLarge}, errs.ModuleTooLarge, false},
		{"no entry point", &abi.EntryError{Msg: "no"}, errs.ModuleInvalid, false},
		{"an unknown import", &engine.UnknownImportError{}, errs.ModuleUnsupported, false},
		{"no memory for its code", &engine.TransientError{Err: engine.ErrModuleMemory}, errs.LimitExceeded, true},
		{"its compiler was killed", &engine.TransientError{Err: errors.New("killed")}, errs.Unavailable, true},
		{"a fault of the daemon", errors.New("a fault"), errs.Internal, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			f.language.refused = tc.err
			p := f.begin("module", "", 0)
			f.write(p, "module")
			_, _, err := p.Commit(t.Context())
			wantError(t, err, tc.class, tc.class == errs.LimitExceeded || tc.class == errs.Unavailable)
			offset := 0
			if tc.kept {
				offset = len("module")
			}
			if err := f.begin("module", "", offset).Close(); err != nil {
				t.Error(err)
			}
			if len(f.stored) != 0 {
				t.Error("it is stored")
			}
		})
	}
}

// TestPushTooMuchMemory: a module that starts with more memory than a workload can have is refused.
func TestPushTooMuchMemory(t *testing.T) {
	f := newFixture(t)
	f.language.module.Memory = &abi.Memory{MinBytes: 1<<20 + 1}
	p := f.begin("module", "", 0)
	f.write(p, "module")
	_, _, err := p.Commit(t.Context())
	wantError(t, err, errs.LimitExceeded, false)
}

// TestPushIsGivenUp: a client that goes while its module is compiled has what it sent kept, and nothing reads from its
// push any more.
func TestPushIsGivenUp(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the client has gone")
	f.language.onLoad = func() { cancel(gone) }
	f.language.refused = context.Canceled
	p := f.begin("module", "", 0)
	f.write(p, "module")
	if _, _, err := p.Commit(ctx); !errors.Is(err, gone) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := f.language.source.Read(); err == nil {
		t.Error("a push that has ended is read")
	} else if _, passes := errors.AsType[*engine.TransientError](err); !passes {
		t.Errorf("a read after the end: %v", err)
	}
	f.language.onLoad, f.language.refused = nil, nil
	p = f.begin("module", "tag", len("module"))
	if _, existed, err := p.Commit(t.Context()); err != nil || existed {
		t.Errorf("existed %t, %v", existed, err)
	}
}

// TestTooManyPushes: those beyond the bound are refused for now, before they are compiled.
func TestTooManyPushes(t *testing.T) {
	f := newFixture(t)
	loading, release := make(chan struct{}, maxPushed), make(chan struct{})
	f.language.onLoad = func() { loading <- struct{}{}; <-release }
	var pushes sync.WaitGroup
	for i := range maxPushed {
		text := fmt.Sprint("module ", i)
		p := f.begin(text, "", 0)
		f.write(p, text)
		pushes.Go(func() {
			if _, _, err := p.Commit(t.Context()); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	for range maxPushed {
		<-loading
	}
	p := f.begin("one more", "", 0)
	f.write(p, "one more")
	_, _, err := p.Commit(t.Context())
	wantError(t, err, errs.QueueFull, true)
	close(release)
	pushes.Wait()
	p = f.begin("one more", "", len("one more"))
	if _, _, err := p.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPushesOfOneDigest, at the same time: all succeed, and each has its tag.
func TestPushesOfOneDigest(t *testing.T) {
	f := newFixture(t)
	const count = 4
	var loading, pushes sync.WaitGroup
	loading.Add(count)
	f.language.onLoad = func() { loading.Done(); loading.Wait() } // all are there before one is stored
	for i := range count {
		p := f.begin("module", fmt.Sprint("tag", i), 0)
		f.write(p, "module")
		pushes.Go(func() {
			if _, _, err := p.Commit(t.Context()); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	pushes.Wait()
	for i := range count {
		if m, err := f.Get(t.Context(), fmt.Sprint("tag", i)); err != nil || len(m.Tags) != count {
			t.Errorf("tag%d: %+v, %v", i, m, err)
		}
	}
}

// TestDamagedModuleIsReplaced by a push, which is told of.
func TestDamagedModuleIsReplaced(t *testing.T) {
	f := newFixture(t)
	f.push("module", "tag")
	digest := store.DigestOf([]byte("module"))
	load := func() error {
		p, err := f.Load(t.Context(), digest)
		if err == nil {
			p.Release()
		}
		return err
	}
	if err := load(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "modules", "blobs", digest.Hex()), []byte("damage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, damaged := errors.AsType[*store.CorruptError](load()); !damaged {
		t.Error("what is damaged is loaded")
	}
	f.push("module", "")
	if len(f.stored) != 2 {
		t.Errorf("told of %d", len(f.stored))
	}
	if err := load(); err != nil {
		t.Error(err)
	}
	if _, err := f.Get(t.Context(), "tag"); err != nil {
		t.Errorf("its tag: %v", err)
	}
}

// TestPushOfWhatIsThere needs no bytes, and points its tag at the module.
func TestPushOfWhatIsThere(t *testing.T) {
	f := newFixture(t)
	f.push("module", "one")
	p := f.begin("module", "two", len("module"))
	if _, err := p.Write(nil); err != nil {
		t.Errorf("nothing is written: %v", err)
	}
	_, err := p.Write([]byte("x"))
	wantError(t, err, errs.InvalidArgument, false)
	if m, existed, err := p.Commit(t.Context()); err != nil || !existed || len(m.Tags) != 2 {
		t.Errorf("%+v, existed %t, %v", m, existed, err)
	}
	if m, existed, err := f.begin("module", "", len("module")).Commit(t.Context()); err != nil || !existed || len(m.Tags) != 2 {
		t.Errorf("without a tag: %+v, existed %t, %v", m, existed, err)
	}
	if len(f.stored) != 1 {
		t.Errorf("told of %d", len(f.stored))
	}
	_, err = f.Push(t.Context(), api.PushRequest{Digest: store.DigestOf([]byte("module")).String(), SizeBytes: 7})
	wantError(t, err, errs.DigestMismatch, false)
}

// TestPushedBytes have to be those that were announced. What is too little is kept, what is wrong is dropped.
func TestPushedBytes(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		class      errs.Class
		offset     int // of the next push
	}{
		{"too few", "mod", errs.InvalidArgument, 3},
		{"others", "MODULE", errs.DigestMismatch, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			p := f.begin("module", "", 0)
			f.write(p, tc.text)
			_, _, err := p.Commit(t.Context())
			wantError(t, err, tc.class, false)
			p = f.begin("module", "", tc.offset)
			f.write(p, "module")
			_, err = p.Write([]byte("more"))
			wantError(t, err, errs.InvalidArgument, false)
			if _, existed, err := p.Commit(t.Context()); err != nil || existed {
				t.Errorf("in the end: existed %t, %v", existed, err)
			}
		})
	}
}
