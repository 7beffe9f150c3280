// Package binary decodes components of the component model's binary format into their definitions, as they are written,
// with the offset of each. What the definitions mean, and whether they fit together, package types says.
//
// Core modules stay bytes. Every count is checked against the bytes that are left before anything is allocated, and
// nesting has a bound.
package binary
