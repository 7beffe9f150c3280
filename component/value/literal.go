package value

// Form is the form of a Literal.
type Form uint8

// The forms. Records of stores have their numbers.
const (
	_           Form = iota
	BoolForm         // Bits: 0 or 1
	IntForm          // Bits: an int64
	UintForm         // Bits
	F32Form          // Bits, as math.Float32bits gives them
	F64Form          // Bits, as math.Float64bits gives them
	TextForm         // Text
	BytesForm        // Bytes
	ListForm         // Items
	RecordForm       // Names, and Items in their order
	TupleForm        // Items
	VariantForm      // Text: the case; Items: its payload, if it has one
	FlagsForm        // Names
	MapForm          // Items: key, value, key, value
)

// Literal is a value that says itself what it is: what clients send and get, and what stores keep. [Typed] makes a Value
// of it, by a type.
type Literal struct {
	Form  Form      `json:"form"`
	Bits  uint64    `json:"bits,omitempty"`
	Text  string    `json:"text,omitempty"`
	Bytes []byte    `json:"bytes,omitempty"`
	Names []string  `json:"names,omitempty"`
	Items []Literal `json:"items,omitempty"`
}

// String returns the form in the words of the API.
func (f Form) String() string {
	names := [...]string{
		BoolForm: "a bool", IntForm: "an integer", UintForm: "an integer", F32Form: "a number", F64Form: "a number",
		TextForm: "text", BytesForm: "bytes", ListForm: "a list", RecordForm: "a record", TupleForm: "a tuple",
		VariantForm: "a variant", FlagsForm: "flags", MapForm: "a map",
	}
	if int(f) < len(names) && names[f] != "" {
		return names[f]
	}
	return "nothing"
}
