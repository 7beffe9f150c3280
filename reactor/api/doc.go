// Package api has the types that a reactor takes and returns: specs, workloads, modules, requests and the node's
// description of itself. They mirror the messages of the API one to one, and their enumerations have the same values,
// so that the gRPC server converts them by number.
//
// There is no behaviour here, and the only import is the kinds of grants: code that only names a workload need not know
// how it is run. The types are plain values. What a reactor returns may share maps and slices with other answers, so it
// must not be changed; then it may be used from any goroutine.
package api
