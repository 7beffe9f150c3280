// Package access says who may call the API.
//
// Whoever can call it has the rights of the daemon's user, within what the operator lets be granted:
// so a connection has to prove something. Over a unix socket that is the peer's user, as the kernel
// tells it; over TCP it is the daemon's token, in the metadata of each call,
// and with it a certificate if the operator wants one. What was proved is an
// [Identity], which handlers find in their context.
//
// [Gate.Admit] is called by the goroutine that reads a connection, for each call, before anything of
// its message is read. It takes a microsecond and does not wait. A Gate does not change; all its
// methods may be called from any goroutine. [LoadToken] reads and may write a file; what [LoadTLS] returns looks at
// files in each handshake, on the goroutine of that connection.
package access
