// Package record encodes specs and statuses into the bytes that the store keeps, and decodes the store's records into
// workloads as clients see them. Everything is pure.
//
// The store does not interpret these bytes. They are JSON: people can read it, and fields can be added later. Standard
// input, which may be large, follows the JSON of a spec unencoded, after a zero byte. What the store itself needs (id,
// name, labels, module, state, attempts, times) is in fields of the record, and not in these bytes.
package record
