// Package oci reads modules from registries of OCI artifacts, and publishes them there, in the layout for WebAssembly that
// the CNCF has agreed on: a manifest whose config has the type application/vnd.wasm.config.v0+json, and whose only layer is
// the binary.
//
// A registry is not trusted. A tag is resolved once, and from there on everything is named by its digest, compared with it,
// and no longer than it was said to be; what is larger than its bound is not begun with. A transfer that breaks off goes on
// where it was. One that brings nothing, or does not end, is given up. Redirects lead neither from TLS to plain text nor to
// this machine and its metadata services, unless the registry is there itself.
//
// A Client may be used from any goroutine. Its methods block while the network does, until their context ends. They start no
// goroutine that outlives them, but for idle connections, which Close closes.
package oci
