//go:build unix && !linux && !darwin

package vfs

// searchFlag is 0 on systems without a known way to open a folder for search.
const searchFlag = 0
