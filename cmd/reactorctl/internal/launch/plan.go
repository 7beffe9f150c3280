package launch

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Plan names the workloads that one command submits.
type Plan struct {
	// ID is the id of the only workload, or of several the beginning of their ids.
	ID string
	// Count is how many there are.
	Count int
}

// Name returns the id of a workload, from 0 on.
func (p Plan) Name(n int) string {
	if p.Count == 1 {
		return p.ID
	}
	return fmt.Sprintf("%s-%d", p.ID, n)
}

// Names returns the ids of the workloads from one to before another.
func (p Plan) Names(from, to int) []string {
	names := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		names = append(names, p.Name(n))
	}
	return names
}

// String describes the workloads: "hello-3n5q", or "hello-3n5q-0 ... hello-3n5q-999: 1000 workloads".
func (p Plan) String() string {
	if p.Count == 1 {
		return p.ID
	}
	return fmt.Sprintf("%s ... %s: %d workloads", p.Name(0), p.Name(p.Count-1), p.Count)
}

const (
	longestName = 40 // bytes of a workload's name in its id
	randomness  = 10 // characters with 5 random bits each: as much as nobody meets twice
)

// NewID returns a new id for a workload of that name: one that people can tell from others, and that nobody else has.
func NewID(name string) string {
	random := strings.ToLower(rand.Text()[:randomness])
	readable := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '-'
	}, name)
	readable = strings.Trim(readable[:min(len(readable), longestName)], "._-")
	if readable == "" {
		return random
	}
	return readable + "-" + random
}
