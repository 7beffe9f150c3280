// Package ui serves the page by which people look at the daemon with a browser.
//
// A [Server] answers two kinds of requests: for the files of the page, which are in the binary, and for some methods of the API, in
// the Connect protocol with JSON. Those are handed to the gRPC server itself as calls of gRPC, over connections in memory that the
// server accepts like those of other clients ([Server.Inner]): they pass the same checks, take part in the same bounds, and are
// logged alike. Each connection of a browser has one of its own, so that browsers share nothing that they would have to wait for.
//
// The page can look and cancel, and has no other methods (bridge.go). Which pages a browser lets call them is decided by guard.go.
//
// All methods may be called from any goroutine. A request is served by the goroutine of net/http, with another one that reads and
// one that writes its connection in memory. What requests hold is bounded: connections, requests at a time, the size of a request,
// and how long a browser may leave unread what is sent to it.
package ui
