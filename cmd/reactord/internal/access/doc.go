// Package access decides who may call the API.
//
// A caller has the rights of the daemon's user, within what the operator allows to be granted, so each caller must
// authenticate: over a unix socket by its user, which the kernel reports; over TCP by the daemon's token, in the
// metadata of each call, and by a client certificate if the operator requires one. The result is the call's
// [Identity], which handlers find in their context.
//
// [Gate.Admit] is called for each call by the goroutine that reads the connection, before anything of the
// message is read. It takes about a microsecond and does not block. Of a Gate only the token changes; all its methods may be
// called from any goroutine. [LoadToken] reads a file and may write it, [ReadTokens] reads one, and [FollowTokens] does whenever it changes. The configuration that [LoadTLS] returns
// has its files looked at in each handshake, by a goroutine of its own that ends as soon as the file system answers; no
// handshake waits for it longer than a second.
package access
