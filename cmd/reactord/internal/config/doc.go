// Package config gathers the daemon's settings.
//
// Each setting has one name, and three places to give it: the flag --max-memory, the environment
// variable REACTORD_MAX_MEMORY and the key max-memory of the YAML file. A flag goes before the
// environment, the environment before the file, the file before the default. All faults are
// reported at once, each with the place it comes from; a key or a REACTORD_ variable that is no
// setting is a fault too, since a limit that is misspelt is a limit that does not hold.
//
// Nothing here blocks but reading the file, and nothing is shared: a Loader is for one goroutine.
package config
