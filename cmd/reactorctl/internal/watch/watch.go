package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Quiet is how long nothing may happen before a change is reported; Longest is the most that a report is put off for it.
const (
	Quiet   = 100 * time.Millisecond
	Longest = time.Second
)

// Watcher watches folders.
type Watcher struct {
	events  *fsnotify.Watcher
	changes chan []string
	done    chan struct{}

	mu     sync.Mutex
	places map[string][]Place // by folder
}

// New returns a watcher that watches nothing. Close ends it.
func New() (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, advice(err)
	}
	w := &Watcher{events: events, changes: make(chan []string), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		settle(w.changed(), w.changes)
	}()
	return w, nil
}

// Changes has the files that changed, after each burst of changes. It is closed when the watcher is.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Close ends the watcher.
func (w *Watcher) Close() error {
	err := w.events.Close()
	<-w.done
	return err
}

// Set says what is watched from now on. What was watched before and still is stays watched in between.
func (w *Watcher) Set(places []Place) error {
	wanted := map[string][]Place{}
	for _, p := range places {
		folder, err := filepath.Abs(p.Folder)
		if err != nil {
			return err
		}
		p.Folder = folder
		below, err := p.existing().below()
		if err != nil {
			return err
		}
		for _, p := range below {
			wanted[p.Folder] = append(wanted[p.Folder], p)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = wanted
	for _, folder := range w.events.WatchList() {
		if wanted[folder] == nil {
			_ = w.events.Remove(folder) // the folder may be gone, and its watch with it
		}
	}
	for folder := range wanted { // one that is watched already is watched anew, in case it was replaced
		if err := w.events.Add(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("watching %s: %w", folder, advice(err))
		}
	}
	return nil
}

// advice adds what to do to an error of the system.
func advice(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: the system watches no more folders for this user (fs.inotify.max_user_watches)", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: this user has too many programs that watch files (fs.inotify.max_user_instances)", err)
	}
	return err
}

// changed returns a channel of the files that change, which is closed with the watcher.
func (w *Watcher) changed() <-chan string {
	names := make(chan string)
	go func() {
		defer close(names)
		for {
			select {
			case event, ok := <-w.events.Events:
				if !ok {
					return
				}
				if w.counts(event) {
					names <- event.Name
				}
			case _, ok := <-w.events.Errors:
				if !ok {
					return
				}
				names <- "" // events were lost: anything may have changed
			}
		}
	}()
	return names
}

// counts reports whether an event is a change of what is watched. A new folder in a deep place is watched, too.
func (w *Watcher) counts(event fsnotify.Event) bool {
	if !event.Has(fsnotify.Create | fsnotify.Write | fsnotify.Remove | fsnotify.Rename) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	folder, name := filepath.Split(event.Name)
	inside := w.places[filepath.Clean(folder)]
	if event.Has(fsnotify.Create) {
		w.addFolder(event.Name, inside)
	}
	_, itself := w.places[event.Name] // a watched folder that is removed or renamed
	return itself || slices.ContainsFunc(inside, func(p Place) bool { return p.counts(name) })
}

// addFolder watches a new folder if it lies in a deep place.
func (w *Watcher) addFolder(path string, inside []Place) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || hidden(info.Name()) {
		return
	}
	for _, p := range inside {
		if !p.Deep {
			continue
		}
		p.Folder = path
		below, err := p.below()
		if err != nil {
			continue // it is gone again
		}
		for _, p := range below {
			w.places[p.Folder] = append(w.places[p.Folder], p)
			_ = w.events.Add(p.Folder) // the next Set reports what cannot be watched
		}
	}
}

// settle sends the names that arrive within a short time of each other as one report, and ends when names is closed.
func settle(names <-chan string, reports chan<- []string) {
	defer close(reports)
	var (
		report []string
		ready  chan<- []string // reports, once it has been quiet
		quiet  = time.NewTimer(0)
		latest time.Time // when a report is due, however much happens
	)
	quiet.Stop()
	for {
		select {
		case name, ok := <-names:
			if !ok {
				return
			}
			if len(report) == 0 {
				latest = time.Now().Add(Longest)
			}
			if !slices.Contains(report, name) && len(report) < maxNames {
				report = append(report, name)
			}
			if ready == nil {
				quiet.Reset(min(Quiet, time.Until(latest)))
			}
		case <-quiet.C:
			ready = reports
		case ready <- report:
			report, ready = nil, nil
		}
	}
}

// maxNames bounds the names of a report.
const maxNames = 100
