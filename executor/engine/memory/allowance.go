package memory

import "sync/atomic"

// Allowance bounds the bytes that an account may hold without asking for more. It may be granted from any
// goroutine while the account is in use.
type Allowance struct {
	granted atomic.Int64
	used    atomic.Int64
	// Ask is called before the account holds more bytes in all than were granted. When it returns nil, they
	// have been granted. It is called on the goroutine that uses the account, and may block.
	Ask func(bytes int64) error
}

// Grant sets the bytes that the account may hold in all.
func (a *Allowance) Grant(bytes int64) { a.granted.Store(bytes) }

// Settle lowers the grant to the bytes held and returns it. An account that holds nothing yet keeps its
// grant. Settle and Grant must not be called concurrently.
func (a *Allowance) Settle() int64 {
	granted := a.granted.Load()
	for {
		used := a.used.Load()
		if used == 0 || used >= granted { // used exceeds granted only until Ask is called
			return min(used, granted)
		}
		a.granted.Store(used)
		// If the account has not taken more meanwhile, it will see the new grant.
		if a.used.Load() <= used {
			return used
		}
		a.granted.Store(granted)
	}
}
