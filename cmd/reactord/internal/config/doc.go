// Package config reads the daemon's settings.
//
// Each setting has one name and can be given in three places: the flag --max-memory, the environment
// variable REACTORD_MAX_MEMORY and the key max-memory of the YAML file. A flag overrides the environment, the
// environment overrides the file, and the file overrides the default. All faults are reported at once, each
// with its source. An unknown key or REACTORD_ variable is a fault too: otherwise a misspelt limit would be
// ignored.
//
// Some settings take effect while the daemon runs: a Loader loads again, and Config.Settings says which those are.
//
// Nothing here blocks except for reading the file. A Loader is for one goroutine.
package config
