package snapshot

// Global returns the index of the global.
func (r Reference) Global() uint32 { return r.index }
