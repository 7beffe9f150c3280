package sqlite

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/reactor/store"
)

// Config configures a store; zero fields take defaults.
type Config struct {
	// Dir is the directory of the store. It is created if it does not exist.
	Dir string
	// Options are the owner's. The default of ModuleBytes is 16 GiB.
	store.Options
	// ModuleTags and Tags bound the tags of one module and of all: 256 and 65,536 by default.
	ModuleTags, Tags int
	// QueueBytes bounds the submissions that wait for a commit: 64 MiB by default.
	QueueBytes int64
	// Readers bounds the concurrent reads of each kind (records, lists, logs): 2 by default.
	Readers int
}

const (
	defaultModuleBytes = 16 << 30
	defaultQueueBytes  = 64 << 20
	defaultReaders     = 2
	defaultModuleTags  = 256
	defaultTags        = 1 << 16
)

func (c Config) withDefaults() Config {
	if c.ModuleBytes == 0 {
		c.ModuleBytes = defaultModuleBytes
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = defaultQueueBytes
	}
	if c.Readers == 0 {
		c.Readers = defaultReaders
	}
	if c.ModuleTags == 0 {
		c.ModuleTags = defaultModuleTags
	}
	if c.Tags == 0 {
		c.Tags = defaultTags
	}
	return c
}

// Validate returns every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("no Dir is given"))
	}
	for _, bound := range []struct {
		name  string
		value int64
	}{
		{"ModuleBytes", c.ModuleBytes},
		{"DatabaseBytes", c.DatabaseBytes},
		{"QueueBytes", c.QueueBytes},
		{"Readers", int64(c.Readers)},
		{"ModuleTags", int64(c.ModuleTags)},
		{"Tags", int64(c.Tags)},
	} {
		if bound.value < 0 {
			faults = append(faults, fmt.Errorf("%s is negative: %d", bound.name, bound.value))
		}
	}
	return errors.Join(faults...)
}
