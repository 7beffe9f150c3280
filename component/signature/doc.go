// Package signature has the functions that a component exports, with their types, in a form that stores keep and messages
// carry.
//
// In it types refer to each other by number, each to earlier ones, so a type that is used in many places is there once: the
// types of a component may share parts to any depth. [Set.Resolve] makes types of it again. A Set may come from a
// stranger, so Resolve checks everything.
package signature
