package process

import (
	"sync"
	"time"
)

// Disk is the size of a file system.
type Disk struct {
	Bytes uint64
	Free  uint64 // of Bytes, for this user
}

// DiskReader reads the size of the file system of a folder again and again, for those who must not wait for one that does not
// answer. It is safe for concurrent use.
type DiskReader struct {
	read func() (Disk, error)

	mu      sync.Mutex
	reading chan struct{} // closed when the goroutine that reads is done; nil if there is none
	last    Disk
	err     error
}

// NewDiskReader returns a reader for a folder.
func NewDiskReader(dir string) *DiskReader {
	return &DiskReader{read: func() (Disk, error) { return ReadDisk(dir) }}
}

// Read returns the size now. It reports false if that can't be had within the time.
func (r *DiskReader) Read(patience time.Duration) (Disk, bool) {
	r.mu.Lock()
	if r.reading == nil {
		r.reading = make(chan struct{})
		go r.look(r.reading)
	}
	done := r.reading
	r.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		return Disk{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.err == nil
}

// look reads once. There is one goroutine in it at most, however long it takes.
func (r *DiskReader) look(done chan struct{}) {
	disk, err := r.read()
	r.mu.Lock()
	r.last, r.err, r.reading = disk, err, nil
	r.mu.Unlock()
	close(done)
}
