package vfs

import "golang.org/x/sys/unix"

// searchFlag opens a folder for search.
const searchFlag = unix.O_SEARCH
