package sqlite

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/reactor/store"
)

// Config configures a store; its zero fields take the defaults.
type Config struct {
	// Dir is the directory that holds the store. It is made if it does not exist.
	Dir string
	// Options are the owner's. ModuleBytes is 16 GiB by default.
	store.Options
	// ModuleTags and Tags bound the tags of one module and of all: 256 and 65,536 by default.
	ModuleTags, Tags int
	// QueueBytes bounds the submissions that wait for a commit: 64 MiB by default.
	QueueBytes int64
	// Readers bounds the reads of each kind that are under way at once, of records, lists and logs: 2
	// by default.
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

// Validate reports every fault of the configuration at once.
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
