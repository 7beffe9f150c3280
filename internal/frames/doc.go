// Package frames follows the frames of a connection of HTTP/2 that another package serves, and bounds those that cost the server more
// than the client: what a client sends without an end, though nothing comes of it.
//
//   - A [Reader] tells the frames among the bytes of one direction.
//   - A [Trust] is what is left of what a client may have the server do for nothing. Whoever reads the connection waits as it says.
//
// Both are plain values: no locks, no clock.
package frames
