// Package conns bounds the open connections of a server, so that clients that may not be here shut nobody out.
//
// At the bound of a [Set] a new connection takes the place of another one: of the oldest that is not proven, or else, if more than half are
// proven, of that one of them that has been idle for longest. A connection is proven by its first request that the server admits ([Conn.Begin]), and idle while no
// such request is being worked on. Each has a moment to prove itself, and replacing is slow enough that those in this moment take half
// of the places of a large set at most: a storm of clients that may not be here neither sweeps away who has just come, nor all those who
// are proven. Who comes waits behind the storm in the system's queue, for milliseconds for each.
//
// For a server of net/http a request is not worked on while an answer is being written: whoever does not read is idle.
// [Context] has its handlers find their connections.
//
// All methods may be called from any goroutine. Those of a Conn do not block; accepting is for one goroutine for each listener.
package conns
