// Package smallfile reads the files of settings, tokens and certificates that people name to either command. They are
// small, so what has no end, such as a device, is refused after [Most] bytes.
//
// The functions may be called from any goroutine. They block while the file system does, and Read also until somebody
// writes to a pipe: a caller that has to stay responsive calls them in another goroutine.
package smallfile
