package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/cmd/reactorctl/internal/watch"
)

// removalGrace bounds the removal of what the loop has left on the daemon.
const removalGrace = 10 * time.Second

// Options say what is built and watched.
type Options struct {
	// Module is a .wasm file or the folder of a Go package.
	Module string
	// Build is a command that makes the file, with its arguments; empty if it is made otherwise.
	Build []string
	// Watch has paths that are watched beside what Module is made from.
	Watch []string
	// Progress receives what builds print. Tell tells the user something; it is called by one goroutine at a time.
	Progress io.Writer
	Tell     func(text string)
}

// Node is what the loop asks of the daemon. Its methods may be called by several goroutines, but Run by one at a time,
// and neither Push nor Remove while the other runs.
type Node interface {
	// Push has the daemon store a module, and says whether it had it before.
	Push(ctx context.Context, m *source.Module) (digest string, existed bool, err error)
	// Run runs a guest and prints its output. It calls onSubmitted when the daemon has the workload, and returns, when
	// the guest has ended, how it ended, unless it has printed that. It calls pushAgain, which calls Push, if the module
	// has been removed since it was pushed. When ctx ends it cancels the workload and waits for its end. An error says
	// that the daemon refused the workload, or could not be asked how it ended.
	Run(ctx context.Context, digest string, pushAgain func(context.Context) error, onSubmitted func(id string)) (end string, err error)
	// Remove removes a module unless somebody else uses it.
	Remove(ctx context.Context, digest string) error
}

// Run builds, runs and watches until ctx ends, and then ends and removes what it has started. The error says why it
// could not go on.
func Run(ctx context.Context, o Options, node Node) error {
	watcher, err := watch.New()
	if err != nil {
		return err
	}
	defer watcher.Close() //nolint:errcheck // nothing is lost with it
	l := &loop{
		Options: o, node: node, watcher: watcher, shelf: newShelf(node),
		events: make(chan Event), endBuild: func() {}, stopGuest: func() {},
	}
	return l.run(ctx)
}

// loop carries out a machine's actions.
type loop struct {
	Options
	node    Node
	watcher *watch.Watcher
	shelf   *shelf
	events  chan Event // nil is none: who sends it waits until what was sent before is done

	// The rest belongs to the goroutine of run.
	machine             Machine
	endBuild, stopGuest context.CancelFunc
	removals            sync.WaitGroup
}

func (l *loop) run(ctx context.Context) error {
	// Builds and guests are ended by the machine: an interrupt is one of its events.
	outliving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer l.clear(outliving)
	interrupted := ctx.Done()
	event := Event(Changed{l.Module})
	for {
		for _, action := range l.next(event) {
			if leave, ok := action.(Leave); ok {
				return leave.Err
			}
			l.do(outliving, action)
		}
		select {
		case event = <-l.events:
		case paths := <-l.watcher.Changes():
			event = Changed{naming(paths)}
		case <-interrupted:
			interrupted, event = nil, Interrupted{}
		}
	}
}

func (l *loop) next(event Event) []Action {
	if event == nil {
		return nil
	}
	return l.machine.Next(event)
}

func (l *loop) do(ctx context.Context, action Action) {
	switch a := action.(type) {
	case Tell:
		l.Tell(a.Text)
	case Build:
		ctx, l.endBuild = context.WithCancel(ctx)
		done := l.endBuild
		go func() {
			defer done()
			l.events <- l.build(ctx)
		}()
	case EndBuild:
		l.endBuild()
	case Start:
		ctx, l.stopGuest = context.WithCancel(ctx)
		done := l.stopGuest
		go func() {
			defer done()
			l.events <- l.guest(ctx, a.Digest)
		}()
	case Stop:
		l.stopGuest()
	case Release:
		l.release(ctx, a.Digest)
	}
}

// build makes the module and pushes it. What is watched is brought up to date before, so that no change is missed that
// the build does not see.
func (l *loop) build(ctx context.Context) Event {
	digest, err := l.pushed(ctx)
	if err != nil {
		return BuildFailed{err}
	}
	return Built{digest}
}

func (l *loop) pushed(ctx context.Context) (digest string, err error) {
	places, err := l.places(ctx)
	if err := errors.Join(err, l.watcher.Set(places)); err != nil {
		return "", err
	}
	if len(l.Build) > 0 {
		if err := source.Run(ctx, source.Command(ctx, l.Build[0], l.Build[1:]...), l.Progress); err != nil {
			return "", fmt.Errorf("%s failed: %w", l.Build[0], err)
		}
	}
	m, err := source.Open(ctx, l.Module, nil, l.Progress)
	if err != nil {
		return "", err
	}
	return l.shelf.push(ctx, m)
}

// places returns what is watched: what the module is made from, unless a command makes it, and what the user names.
// With an error it returns what is watched until the error is mended.
func (l *loop) places(ctx context.Context) ([]watch.Place, error) {
	var places []watch.Place
	var failure error
	if len(l.Build) == 0 {
		in, err := source.Find(ctx, l.Module)
		if err != nil {
			failure = err
			in.Files = append(in.Files, l.Module)
		}
		places = inputs(in)
	}
	except := ""
	if len(l.Build) > 0 { // the command writes it
		except = l.Module
	}
	for _, path := range l.Watch {
		more, err := watch.Path(path, except)
		if err != nil {
			failure = errors.Join(failure, err)
			more = watch.File(path)
		}
		places = append(places, more...)
	}
	return places, failure
}

func inputs(in source.Inputs) []watch.Place {
	var places []watch.Place
	for _, folder := range in.Packages {
		places = append(places, watch.Place{Folder: folder, Match: goFile})
	}
	for _, folder := range in.Embedded {
		places = append(places, watch.Place{Folder: folder})
	}
	for _, file := range in.Files {
		places = append(places, watch.File(file)...)
	}
	return places
}

// goFile reports whether the go command may build a file of that name into a program.
func goFile(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_")
}

// guest runs a guest to its end.
func (l *loop) guest(ctx context.Context, digest string) Event {
	pushAgain := func(ctx context.Context) error { return l.shelf.pushAgain(ctx, digest) }
	end, err := l.node.Run(ctx, digest, pushAgain, func(id string) {
		l.events <- Submitted{id}
		l.events <- nil // what the user is told comes before the guest's output
	})
	if err != nil {
		return Refused{err}
	}
	return Ended{end}
}

// release removes a module that is no longer needed, in the background.
func (l *loop) release(ctx context.Context, digest string) {
	l.removals.Go(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), removalGrace)
		defer stop()
		l.shelf.release(ctx, digest)
	})
}

// clear waits for the removals, and tries those again that have failed.
func (l *loop) clear(ctx context.Context) {
	l.removals.Wait()
	ctx, stop := context.WithTimeout(ctx, removalGrace)
	defer stop()
	if err := l.shelf.clear(ctx); err != nil {
		l.Tell(fmt.Sprintf("%v\n`reactorctl module prune` removes what nobody uses", err))
	}
}

// naming names changed files for people: the first, from the current folder, and how many more there are. An editor's
// temporary files, which are gone by now, are left out, unless nothing but removals has happened.
func naming(paths []string) string {
	there := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		_, err := os.Lstat(path)
		return path != "" && err != nil
	})
	if len(there) > 0 {
		paths = there
	}
	first := paths[0]
	if first == "" {
		return "something"
	}
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, first); err == nil && !strings.HasPrefix(relative, "..") {
			first = relative
		}
	}
	if len(paths) == 1 {
		return first
	}
	return fmt.Sprintf("%s and %d more", first, len(paths)-1)
}
