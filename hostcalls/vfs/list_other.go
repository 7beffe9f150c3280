//go:build unix && !linux

package vfs

import (
	"io"
	"sync"
)

// listing lists a folder with package os, which has no cookies: an entry's cookie is its number, and going back
// starts from the beginning. The entry that a caller had no room for is kept, so that continuing does not go
// back; callers continue while they remove what they have read.
type listing struct {
	sync.Mutex
	next uint64 // the number of the entry that the system lists next
	held string // if not empty, the entry before next, which was listed but not taken
}

func (l *listing) list(h *handle, fd int, cookie uint64, yield func(Entry) bool) error {
	at := l.next
	if l.held != "" {
		at--
	}
	if cookie < at {
		if _, err := h.Seek(0, io.SeekStart); err != nil { // also drops what package os has read ahead
			return errno(err)
		}
		l.next, l.held = 0, ""
	}
	for {
		name, err := l.read(h)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errno(err)
		}
		if l.next <= cookie {
			continue
		}
		e := Entry{Name: []byte(name), Next: l.next}
		if s, err := lstatat(fd, name); err == nil {
			e.Ino, e.Type = s.Ino, s.Type
		}
		if !yield(e) {
			l.held = name
			return nil
		}
	}
}

// read returns the next name. Package os omits "." and ".."; here they are the first two.
func (l *listing) read(h *handle) (string, error) {
	if name := l.held; name != "" {
		l.held = ""
		return name, nil
	}
	name := [...]string{".", "..", ""}[min(l.next, 2)]
	if name == "" {
		names, err := h.Readdirnames(1)
		if err != nil {
			return "", err
		}
		name = names[0]
	}
	l.next++
	return name, nil
}
