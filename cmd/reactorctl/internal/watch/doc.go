// Package watch reports when files change, on the systems' own notifications.
//
// It watches folders and never files themselves: an editor that writes a new file and renames it, and a folder that is
// deleted and made again, are seen like any other change. What happens within a short time is one report, so that a
// checkout or a formatter that touches many files begins one build.
//
// A Watcher has one goroutine, which never waits for whoever reads Changes: until a report is taken, what follows is
// added to it. Set may be called at any time, by one goroutine; it reads folders, and returns when they are watched.
package watch
