// Package wasihttp is HTTP between components and the host, in terms of Go: what all versions of wasi:http, the client and
// whoever serves stand on.
//
//	Fields    header or trailer fields, as components may have them
//	Request   a request, and Response a response: what comes before the body
//	Body      the content of a message on its way: bytes, then trailers; or an error in place of what is missing
//	Error     an error-code of wasi:http
//	Exchange  a request that a component is to answer
//	Tracer    follows requests in traces
//
// # Concurrency
//
// Fields, Request and Response belong to one goroutine or fiber at a time. A Body has two sides, a writer and a reader, of which
// each is one goroutine or fiber at a time. A store's fiber never waits: it tries, and is told when to try again. A goroutine of
// net/http blocks, by Body.Stream and Body.Fill. There is no goroutine for a message whose body nobody reads, or that is there
// already.
//
// # Bounds
//
// Fields have MaxFieldsBytes. A Body has BodyBytes on their way at most, and takes memory for what it has; whoever works for a
// component counts that as memory of the component. A body that is longer or shorter than its message has announced is an error
// for both sides.
package wasihttp
