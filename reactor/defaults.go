package reactor

// Defaults is what a Config that sets nothing runs with. Workers and MemoryBytes, and what follows
// from them, are those of this machine.
func Defaults() Config { return Config{}.withDefaults() }
