// Package record turns specs and statuses into the bytes that the store keeps, and records of the store
// into workloads as clients see them. All of it is pure.
//
// The store does not look into these bytes. They are JSON: readable where someone has to look, and open to
// fields that come later. Standard input, which may be large, follows the JSON of a spec as it is, behind
// a zero. What the store itself needs (id, name, labels, module, state, attempts, times) is in fields of
// the record, and not in these.
package record
