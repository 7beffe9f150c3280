package memory

import "sync/atomic"

// Allowance is what an account may hold without asking for more. It is granted from any goroutine, while the account
// is in use.
type Allowance struct {
	granted atomic.Int64
	used    atomic.Int64
	// Ask is called when the account is to hold so many bytes in all and has not been granted as many. When it
	// returns nil they have been granted. It is called on the goroutine that uses the account, and may take its
	// time.
	Ask func(bytes int64) error
}

// Grant lets the account hold so many bytes in all.
func (a *Allowance) Grant(bytes int64) { a.granted.Store(bytes) }

// Settle lowers what is granted to what is held, and returns that. An account that holds nothing yet keeps what
// it was granted. Neither Settle nor Grant may be called while the other is.
func (a *Allowance) Settle() int64 {
	granted := a.granted.Load()
	for {
		used := a.used.Load()
		if used == 0 || used >= granted { // more is held only until it was asked for
			return min(used, granted)
		}
		a.granted.Store(used)
		// If the account has taken more meanwhile it may not have seen this; else it sees it.
		if a.used.Load() <= used {
			return used
		}
		a.granted.Store(granted)
	}
}
