// Package intake checks what clients send, before anything is looked up or stored: specs against the bounds
// of the node, names, and pages. A function that checks adds every fault that it finds to an errs.Faults,
// with the path of the field, so that a client is told of all of them at once.
//
// Nothing blocks and no module, file or clock is looked at: all but NewID, which draws random bits, is pure.
// Every function may be called from any goroutine.
package intake
