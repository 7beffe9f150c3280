package value

// Form is the form of a Literal.
type Form uint8

// The forms. Records of stores have their numbers.
const (
	_              Form = iota
	BoolForm            // Bits: 0 or 1
	IntForm             // Bits: an int64
	UintForm            // Bits
	F32Form             // Bits, as math.Float32bits gives them
	F64Form             // Bits, as math.Float64bits gives them
	TextForm            // Text
	BytesForm           // Bytes
	ListForm            // Items
	RecordForm          // Names, and Items in their order
	TupleForm           // Items
	VariantForm         // Text: the case; Items: its payload, if it has one
	FlagsForm           // Names
	MapForm             // Items: key, value, key, value
	ChannelForm         // Bits: the number of a stream or future
	ConnectionForm      // Text: the name of an open connection
)

// Literal is a value that says itself what it is: what clients send and get, and what stores keep. [Typed] makes a Value
// of it, by a type.
type Literal struct {
	Form  Form      `json:"f"`
	Bits  uint64    `json:"b,omitempty"`
	Text  string    `json:"t,omitempty"`
	Bytes []byte    `json:"y,omitempty"`
	Names []string  `json:"n,omitempty"`
	Items []Literal `json:"i,omitempty"`
}

// LiteralBytes is what a literal counts besides its text, bytes, names and items.
const LiteralBytes = 16

// Size returns the bytes that a literal counts where its size is bounded.
func (l *Literal) Size() int {
	n := LiteralBytes + len(l.Text) + len(l.Bytes)
	for _, name := range l.Names {
		n += len(name)
	}
	for i := range l.Items {
		n += l.Items[i].Size()
	}
	return n
}

// String returns the form in the words of the API.
func (f Form) String() string {
	names := [...]string{
		BoolForm: "a bool", IntForm: "an integer", UintForm: "an integer", F32Form: "a number", F64Form: "a number",
		TextForm: "text", BytesForm: "bytes", ListForm: "a list", RecordForm: "a record", TupleForm: "a tuple",
		VariantForm: "a variant", FlagsForm: "flags", MapForm: "a map", ChannelForm: "a channel", ConnectionForm: "a connection",
	}
	if int(f) < len(names) && names[f] != "" {
		return names[f]
	}
	return "nothing"
}
