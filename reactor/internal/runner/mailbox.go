package runner

import "sync"

// mailbox passes values to one goroutine and never blocks the sender. It has no bound of its own: a
// workload is put at most once for each attempt, and a module once for each time it is dropped.
type mailbox[T any] struct {
	mu     sync.Mutex
	filled sync.Cond
	values []T
	closed bool
}

func newMailbox[T any]() *mailbox[T] {
	m := new(mailbox[T])
	m.filled.L = &m.mu
	return m
}

// put adds a value.
func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.values = append(m.values, v)
	m.mu.Unlock()
	m.filled.Signal()
}

// take waits for values and takes them all. After close it returns the last of them with open false.
func (m *mailbox[T]) take() (values []T, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.values) == 0 && !m.closed {
		m.filled.Wait()
	}
	values, m.values = m.values, nil
	return values, !m.closed
}

// close makes take return when it is empty.
func (m *mailbox[T]) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.filled.Signal()
}
