// Package intake checks what clients send before anything is looked up or stored: specs against the node's
// bounds, names, and pages. A checking function adds every fault it finds to an errs.Faults, with the path of the
// field, so that a client learns of all of them at once.
//
// Nothing blocks, and no module, file or clock is consulted. All functions are pure, except NewID, which draws
// random bits; all may be called from any goroutine.
package intake
