package wasi

import (
	"crypto/rand"
	"hash/maphash"
	"io"

	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Node is what the stores of a node share. It may be used from any goroutine.
type Node struct {
	appends *files.Appends
	random  io.Reader       // safe for concurrent use
	hashes  [2]maphash.Seed // of the identities of files
}

// NewNode makes a Node. The appends are those of all ABIs.
func NewNode(appends *files.Appends) *Node {
	return &Node{appends, rand.Reader, [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// Hash hashes what makes a file the same one, and not what changes when it is modified: adapters of preview 1 take the hash for
// the number of the inode.
func (n *Node) Hash(s vfs.Stat) (hash [2]uint64) {
	for i, seed := range n.hashes {
		hash[i] = maphash.Comparable(seed, vfs.ID{Dev: s.Dev, Ino: s.Ino})
	}
	return hash
}
