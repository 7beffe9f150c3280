package engine

import "sync"

// keyedMutex is a mutex for each of any number of keys. The zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	keys map[string]*sharedMutex
}

type sharedMutex struct {
	sync.Mutex
	users int // who have it or wait; guarded by the mutex of all keys
}

// lock waits for a key, and returns the function that gives it up.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.keys == nil {
		k.keys = map[string]*sharedMutex{}
	}
	m := k.keys[key]
	if m == nil {
		m = &sharedMutex{}
		k.keys[key] = m
	}
	m.users++
	k.mu.Unlock()
	m.Lock()
	return func() {
		m.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if m.users--; m.users == 0 {
			delete(k.keys, key)
		}
	}
}
