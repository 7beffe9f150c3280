// Package table lays out tables for people: columns that are aligned by the width of what is shown, cut or left out
// where a terminal is too narrow, and kept as they are while rows are added.
//
// Everything is pure. A Layout is for one goroutine at a time.
package table
