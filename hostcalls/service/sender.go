package service

import (
	"context"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// sender sends the requests of an instance, and says for which request they are sent. That is known if the instance has only one: of
// several, only the component knows, and can pass on the field traceparent.
type sender struct {
	wasihttp.Sender
	instance *instance
}

// Send implements wasihttp.Sender.
func (s sender) Send(r *wasihttp.Request, answer func(*wasihttp.Response, error)) (op hostcalls.Op, cancel func()) {
	r.Parent = s.instance.parent()
	return s.Sender.Send(r, answer)
}

// parent has the span of the only request of the instance; nil if there are several.
func (i *instance) parent() context.Context {
	i.service.mu.Lock()
	defer i.service.mu.Unlock()
	if len(i.requests) == 1 {
		for r := range i.requests {
			return r.traced.Parent
		}
	}
	return nil
}
