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

// Hold sets the bytes that are held, for whoever counts them without an account, and reports whether so many are granted. If they are
// not, they have to be asked for, or set back.
func (a *Allowance) Hold(bytes int64) (granted bool) {
	a.used.Store(bytes)
	return bytes <= a.granted.Load()
}

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
