package vfs

// volume is the file system that something is on.
//
// The device number of a file system is its own for as long as a descriptor of one of its files is open.
// So a Dir compares the numbers of what it opens with its own, and asks for the kind only of what is
// on another file system. (The answer may be a server's, over the network.)
type volume struct {
	dev uint64
	// kernel is set if the file system stores nothing: its files and folders are ways to talk to the
	// kernel, whatever type they say they are of. Nothing in it can be reached.
	kernel bool
}

// of returns the volume of fd, which has the attributes s. If v is not zero, a descriptor on it is open.
func (v volume) of(fd int, s Stat) (volume, error) {
	if v != (volume{}) && v.dev == s.Dev {
		return v, nil
	}
	kernel, err := isKernelInterface(fd, s)
	return volume{dev: s.Dev, kernel: kernel}, err
}
