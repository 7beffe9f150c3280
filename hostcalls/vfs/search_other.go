//go:build unix && !linux && !darwin

package vfs

// searchFlag is 0 where there is no way to open a folder for search, or none that is known here.
const searchFlag = 0
