package runner

import "sync"

// mailbox hands values to one goroutine, without ever blocking who puts them. What bounds it is
// the number of those who put.
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

// take blocks for values and takes them all. It is not open after close, with the last of them.
func (m *mailbox[T]) take() (values []T, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.values) == 0 && !m.closed {
		m.filled.Wait()
	}
	values, m.values = m.values, nil
	return values, !m.closed
}

// close lets take end once what was put is taken.
func (m *mailbox[T]) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.filled.Signal()
}
