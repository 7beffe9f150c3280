package attempt

import (
	"sync"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/hostcalls/wasihttp/client"
)

// Send implements wasihttp.Sender for a guest without grants, whose requests are all refused.
func (u *ungranted) Send(r *wasihttp.Request, answer func(*wasihttp.Response, error)) (op hostcalls.Op, cancel func()) {
	c := client.New(client.Config{Access: u.access(), OnFailure: (*Attempt)(u).onFailure})
	defer c.Close()
	return c.Send(r, answer)
}

// sender is the wasihttp.Sender of a guest with grants. It has a client once there is a request. Its methods may be called from any
// goroutine.
type sender struct {
	config client.Config

	mu     sync.Mutex // guards client
	client *client.Client
}

// Send implements wasihttp.Sender.
func (s *sender) Send(r *wasihttp.Request, answer func(*wasihttp.Response, error)) (op hostcalls.Op, cancel func()) {
	s.mu.Lock()
	if s.client == nil {
		s.client = client.New(s.config)
	}
	c := s.client
	s.mu.Unlock()
	return c.Send(r, answer)
}

// close ends all requests. A nil sender has none.
func (s *sender) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
	}
}
