package reactor

import (
	"os"
	"path/filepath"
)

// Defaults is what a Config that sets nothing runs with. Workers and MemoryBytes, and what follows
// from them, are those of this machine.
func Defaults() Config { return Config{}.withDefaults() }

// Resolved returns what a reactor of this configuration runs with on this machine. StoreBytes follows from the disk on which
// the data folder is, or would be; it stays open if that disk cannot be looked at.
func (c Config) Resolved() Config {
	resolved := c.withDefaults()
	onDisk := resolved
	onDisk.DataDir = existing(c.DataDir)
	if bytes, err := onDisk.storeBytes(); err == nil {
		resolved.StoreBytes = bytes
	}
	return resolved
}

// existing returns a folder or, if it does not exist, the nearest one above it that does.
func existing(dir string) string {
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}
