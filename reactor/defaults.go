package reactor

// Defaults is what a Config that sets nothing runs with. Workers and MemoryBytes, and what follows
// from them, are those of this machine.
func Defaults() Config { return Config{}.withDefaults() }

// Resolved returns what a reactor of this configuration runs with on this machine, except for StoreBytes, which follows
// from the disk.
func (c Config) Resolved() Config { return c.withDefaults() }
