package binary

import "cmp"

// Limits bound the components that Decode accepts, so that it takes tens of megabytes at most, whatever it is given. Whoever
// has the bytes has bounded them. Each comment ends with the default, which a zero field means.
type Limits struct {
	Nesting     int // of components and of component and instance types in each other; 100
	Definitions int // in all, nested ones and those of types included; 250,000
	Elements    int // fields, cases, labels, parameters, arguments, options, exports of instances, in all; 500,000
	NameBytes   int // of one name; 100,000
	NamesBytes  int // of all names together; 8 MiB
}

// WithDefaults returns the limits with each zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.Nesting = cmp.Or(l.Nesting, 100)
	l.Definitions = cmp.Or(l.Definitions, 250_000)
	l.Elements = cmp.Or(l.Elements, 500_000)
	l.NameBytes = cmp.Or(l.NameBytes, 100_000)
	l.NamesBytes = cmp.Or(l.NamesBytes, 8<<20)
	return l
}

// Limits of single definitions, which other runtimes have too.
const (
	maxParams  = 1_000  // of a function
	maxMembers = 10_000 // fields, cases, labels or types of a value type
	maxArgs    = 100_000
	maxOptions = 10
)
