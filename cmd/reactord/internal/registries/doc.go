// Package registries reads modules from registries of OCI artifacts for clients: from those that the operator allows, with
// the operator's credentials, and signed with the operator's keys if any are asked for.
//
// A Fetcher's methods may be called from any goroutine. Fetch blocks while the registry and the store do. It reads the files
// of credentials and keys anew each time, so what is put in their place counts from the next call on. A few fetches
// from each registry run at a time, and others wait.
package registries
