package hooks

// Join returns hooks that call those of a, and then those of b.
func Join(a, b Hooks) Hooks {
	return Hooks{
		OnQueued:         both(a.OnQueued, b.OnQueued),
		OnLoaded:         both(a.OnLoaded, b.OnLoaded),
		OnStarted:        both(a.OnStarted, b.OnStarted),
		OnParked:         both(a.OnParked, b.OnParked),
		OnResumed:        both(a.OnResumed, b.OnResumed),
		OnNetworkFailure: bothWith(a.OnNetworkFailure, b.OnNetworkFailure),
		OnEnded:          bothWith(a.OnEnded, b.OnEnded),
		OnCommitted:      bothWith(a.OnCommitted, b.OnCommitted),
	}
}

// both returns a function that calls both; the other one if one is nil, so that the reactor does no work for it.
func both(a, b func(Event)) func(Event) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(e Event) {
		a(e)
		b(e)
	}
}

func bothWith[T any](a, b func(Event, T)) func(Event, T) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(e Event, with T) {
		a(e, with)
		b(e, with)
	}
}
