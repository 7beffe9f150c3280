package server

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// call is a call whose handler has not returned.
type call struct {
	method string
	began  time.Time
}

// calls are the calls in flight. The zero value is ready; its methods may be called from any goroutine.
type calls struct {
	mu  sync.Mutex
	all map[*call]struct{}
}

func (c *calls) add(method string) *call {
	added := &call{method, time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*call]struct{}{}
	}
	c.all[added] = struct{}{}
	return added
}

func (c *calls) remove(ended *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, ended)
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// maxTold bounds the calls that HungError lists.
const maxTold = 5

// hung returns the error that lists the calls in flight.
func (c *calls) hung() *HungError {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &HungError{Count: len(c.all)}
	left := make([]*call, 0, len(c.all))
	for each := range c.all {
		left = append(left, each)
	}
	slices.SortFunc(left, func(a, b *call) int { return a.began.Compare(b.began) })
	for _, each := range left[:min(maxTold, len(left))] {
		e.Calls = append(e.Calls, fmt.Sprintf("%s for %v", each.method, time.Since(each.began).Round(time.Millisecond)))
	}
	return e
}

// HungError reports calls that did not end although their connections were closed.
type HungError struct {
	Count int
	Calls []string // the longest first, at most maxTold
}

func (e *HungError) Error() string {
	text := fmt.Sprintf("%d calls have not ended although their connections were closed", e.Count)
	if len(e.Calls) > 0 {
		text += ": " + strings.Join(e.Calls, "; ")
	}
	if e.Count > len(e.Calls) {
		text += "; and more"
	}
	return text
}
