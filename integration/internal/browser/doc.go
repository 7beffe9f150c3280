// Package browser drives a headless Chromium for tests, by the DevTools protocol over pipes.
//
// A Browser belongs to the test that started it, and is ended at the test's end. One goroutine reads what the browser says and ends
// with the process. The methods may be called from the test's goroutine.
package browser
