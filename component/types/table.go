package types

// Table interns the types of one component.
type Table struct{}
