package value

// Value is a value of a type that is known otherwise.
type Value struct {
	Bits  uint64
	Bytes []byte
	Items []Value
}
