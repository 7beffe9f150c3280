package service

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// stoppable is a response of a connection whose reads can be stopped.
type stoppable struct {
	http.ResponseWriter
	stop func()
}

func (s stoppable) SetReadDeadline(time.Time) error {
	s.stop()
	return nil
}

// A read of a body is stopped only if there is more to read, and then the connection takes no other request: package net/http takes it
// to have ended.
func TestUploadEnds(t *testing.T) {
	for _, tt := range []struct {
		name                   string
		read, reads, last      bool // all was read before the end, its goroutine reads still, and its last read brings the rest
		wantStopped, wantSpoil bool
	}{
		{"all was read", true, false, false, false, false},
		{"all was read just now", true, true, false, false, false},
		{"there is more", false, true, false, true, true},
		{"there was nothing more", false, true, true, true, true},
		{"it has failed", false, false, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &conn{}
			from := httptest.NewRequestWithContext(withConn(t.Context(), c), http.MethodPost, "/", http.NoBody)
			from.ContentLength = -1
			filler, stopped := make(chan struct{}), false
			u := &upload{from: from, filler: filler}
			u.whole.Store(tt.read)
			u.control = http.NewResponseController(stoppable{httptest.NewRecorder(), func() {
				stopped = true
				u.whole.Store(tt.last)
				close(filler)
			}})
			switch {
			case !tt.reads:
				close(filler)
			case !tt.wantStopped:
				time.AfterFunc(10*time.Millisecond, func() { close(filler) })
			}
			u.end()
			if spoilt := c.spoilt.Load(); stopped != tt.wantStopped || spoilt != tt.wantSpoil {
				t.Errorf("stopped: %t, want %t; spoilt: %t, want %t", stopped, tt.wantStopped, spoilt, tt.wantSpoil)
			}
		})
	}
}
