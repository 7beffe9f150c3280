// Package hush keeps the standard library's log silent until main begins.
//
// A package below OpenTelemetry's reads variables when it is initialized, and logs what it does not understand in a form of its own, before the
// daemon can say so. Packages are initialized in the order of their paths, and after what they import: as this one imports nothing that
// the other does not, it comes first.
//
// # Concurrency
//
// End is called once, by main.
package hush
