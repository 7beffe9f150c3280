// Package api has the types that a reactor takes and hands out: specs, workloads, modules, requests and
// what the node tells of itself. They mirror the messages of the API one to one, and the values of the
// enumerations are those of the API, so that the edge converts by number.
//
// There is no behaviour here, and nothing to import but the kinds of grants: whoever only needs to name a
// workload need not know how one is run. The types are plain values. What a reactor hands out may share maps and slices with
// other answers, so it is read and not changed; then it may be used from any goroutine.
package api
