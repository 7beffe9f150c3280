package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon is a node that notes what is asked of it. Its guests run until they are stopped, or end at once if their text
// begins with "end".
type daemon struct {
	mu      sync.Mutex
	modules map[string]bool
	texts   map[string]string // by digest
	running int
	log     chan string
	refuse  error
	shared  bool // by several loops
	faults  int  // how many removals fail
	pruned  int  // how often a module is removed by somebody before it is run
}

// magic is how modules begin.
const magic = "\x00asm"

func newDaemon() *daemon {
	return &daemon{modules: map[string]bool{}, texts: map[string]string{}, log: make(chan string, 100)}
}

func (d *daemon) Push(_ context.Context, m *source.Module) (string, bool, error) {
	text, err := io.ReadAll(io.NewSectionReader(m.File, 0, m.Size))
	if err != nil {
		return "", false, err
	}
	text = bytes.TrimPrefix(text, []byte(magic))
	if strings.HasPrefix(string(text), "bad") {
		return "", false, errors.New("not a module")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	existed := d.modules[m.Digest]
	d.modules[m.Digest] = true
	d.texts[m.Digest] = string(text)
	return m.Digest, existed, nil
}

func (d *daemon) Run(ctx context.Context, digest string, pushAgain func(context.Context) error, onSubmitted func(string)) (string, error) {
	for ; d.pruned > 0; d.pruned-- {
		if err := d.Remove(ctx, digest); err != nil {
			return "", err
		}
		if err := pushAgain(ctx); err != nil {
			return "", err
		}
	}
	d.mu.Lock()
	text := d.texts[digest]
	d.running++
	alone, there := d.running == 1 || d.shared, d.modules[digest]
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.running--
	}()
	if !alone || !there {
		d.log <- fmt.Sprintf("started %s: alone %t, module there %t", text, alone, there)
	}
	if d.refuse != nil {
		return "", d.refuse
	}
	onSubmitted("w")
	if strings.HasPrefix(text, "end") {
		return "exited", nil
	}
	<-ctx.Done()
	return "cancelled", nil
}

func (d *daemon) Remove(_ context.Context, digest string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.faults > 0 {
		d.faults--
		return errors.New("gone for a moment")
	}
	delete(d.modules, digest)
	return nil
}

// left returns what is left on the daemon.
func (d *daemon) left() (texts []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for digest := range d.modules {
		texts = append(texts, d.texts[digest])
	}
	return texts
}

// session is a loop over one file.
type session struct {
	t         *testing.T
	daemon    *daemon
	file      string
	told      chan string
	interrupt context.CancelFunc
	end       chan error
}

func begin(t *testing.T, d *daemon, text string, change func(*Options)) *session {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	s := &session{
		t: t, daemon: d, file: filepath.Join(t.TempDir(), "guest.wasm"),
		told: make(chan string, 100), interrupt: interrupt, end: make(chan error, 1),
	}
	s.write(text)
	o := Options{Module: s.file, Progress: io.Discard, Tell: func(text string) { s.told <- text }}
	if change != nil {
		change(&o)
	}
	go func() { s.end <- Run(ctx, o, d) }()
	t.Cleanup(func() {
		interrupt()
		if err := <-s.end; err != nil {
			t.Error(err)
		}
		for len(d.log) > 0 {
			t.Error(<-d.log)
		}
	})
	return s
}

func (s *session) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(magic+text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// until waits until the user is told something that contains text.
func (s *session) until(text string) {
	s.t.Helper()
	for told := range s.told {
		if strings.Contains(told, text) {
			return
		}
	}
}

func TestLoop(t *testing.T) {
	d := newDaemon()
	d.faults = 1
	s := begin(t, d, "one", nil)
	s.until("running")
	s.write("two")
	s.until("guest.wasm changed: building")
	s.until("restarting")
	s.until("running")
	s.write("bad")
	s.until("not a module\nthe guest that was built before runs on")
	s.write("end")
	s.until("exited\nwaiting for a change")
	s.write("three")
	s.until("running")
	s.interrupt()
	if err := <-s.end; err != nil {
		t.Error(err)
	}
	s.end <- nil
	if left := d.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestModuleOfOthers: what the daemon had before stays.
func TestModuleOfOthers(t *testing.T) {
	d := newDaemon()
	d.shared = true
	s := begin(t, d, "one", nil)
	s.until("running")
	before := d.left()
	again := begin(t, d, "end", nil) // with a digest of its own
	again.until("exited")
	again.write("one")
	again.interrupt()
	if err := <-again.end; err != nil {
		t.Error(err)
	}
	again.end <- nil
	if left := d.left(); !slices.Equal(left, before) {
		t.Errorf("left: %q, before: %q", left, before)
	}
}

// TestPruned: a module that somebody removes before its guest is submitted is pushed again, and is still this loop's.
func TestPruned(t *testing.T) {
	d := newDaemon()
	d.pruned = 2
	s := begin(t, d, "one", nil)
	s.until("running")
	s.interrupt()
	if err := <-s.end; err != nil {
		t.Error(err)
	}
	s.end <- nil
	if left := d.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestRefused(t *testing.T) {
	d := newDaemon()
	d.refuse = errDenied
	s := begin(t, d, "one", nil)
	if err := <-s.end; !errors.Is(err, errDenied) {
		t.Errorf("%v", err)
	}
	s.end <- nil
	if left := d.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestBuildCommand: a command makes the module from what is watched, and one that is overtaken is ended.
func TestBuildCommand(t *testing.T) {
	src := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(src, "guest.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	d := newDaemon()
	slow := make(chan struct{})
	s := begin(t, d, "none", func(o *Options) {
		o.Watch, o.Progress = []string{src}, onWrite(func() { close(slow) })
		script := fmt.Sprintf("case $(cat %[1]s) in slow) echo slow; sleep 1000000;; esac; { printf '\\000asm'; cat %[1]s; } > %[2]s", filepath.Join(src, "guest.txt"), o.Module)
		o.Build = []string{"sh", "-c", script}
	})
	s.until("running")
	if left := d.left(); !slices.Equal(left, []string{"one"}) {
		t.Errorf("it runs %q", left)
	}
	write("slow")
	<-slow
	write("two")
	s.until("building again")
	s.until("running")
	s.interrupt()
	if err := <-s.end; err != nil {
		t.Error(err)
	}
	s.end <- nil
	if left := d.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// onWrite is called when a build prints something.
type onWrite func()

func (f onWrite) Write(b []byte) (int, error) {
	f()
	return len(b), nil
}

func TestNaming(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.go", "b.go"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(here, name) }
	for want, paths := range map[string][]string{
		"a.go":            {at("a.go")},
		"a.go and 1 more": {at("a.go"), at("b.go")},
		"b.go":            {at("sed5uF4XH"), at("b.go")},
		"gone.go":         {at("gone.go")},
		"/no/where":       {"/no/where"},
		"something":       {""},
	} {
		if got := naming(paths); got != want {
			t.Errorf("%q: %q, want %q", paths, got, want)
		}
	}
}
