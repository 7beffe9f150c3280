package engine

import "sync"

// keyedMutex is a set of mutexes by key. The zero value is ready to use.
type keyedMutex struct {
	mu   sync.Mutex
	keys map[string]*sharedMutex
}

type sharedMutex struct {
	sync.Mutex
	users int // goroutines that hold it or wait for it; guarded by keyedMutex.mu
}

// lock locks the mutex of a key and returns the function that unlocks it.
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
