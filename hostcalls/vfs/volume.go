package vfs

// volume is the file system of a file.
//
// The device number of a file system is not reused as long as a descriptor of one of its files is open. So a Dir
// compares the numbers of the files that it opens with its own, and asks the system for the kind only of another
// file system. (The answer may come from a server, over the network.)
type volume struct {
	dev uint64
	// kernel is set if the file system is an interface of the kernel and stores nothing, whatever types its
	// files have. Nothing on it can be reached.
	kernel bool
}

// of returns the volume of fd, which has the attributes s. If v is not zero, a descriptor on v is open.
func (v volume) of(fd int, s Stat) (volume, error) {
	if v != (volume{}) && v.dev == s.Dev {
		return v, nil
	}
	kernel, err := isKernelInterface(fd, s)
	return volume{dev: s.Dev, kernel: kernel}, err
}
