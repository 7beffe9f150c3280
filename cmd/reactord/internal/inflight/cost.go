package inflight

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What decoded protobuf takes up beyond its bytes, about; slices and maps grow by doubling.
const (
	messageBytes = 320 // a struct of the API and the pointer to it
	elementBytes = 48  // the header of a string in a slice, an entry of a map, a number
)

// decodedBytes estimates how many bytes a message of the given type takes up once b is decoded. Two bytes
// may stand for a struct, so that can be a hundred times the length of b. An invalid message counts up to
// its fault. Counting stops once the result is above most.
func decodedBytes(b []byte, desc protoreflect.MessageDescriptor, most int64) int64 {
	total := int64(messageBytes)
	fields := desc.Fields()
	for len(b) > 0 && total <= most {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return total
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		if n < 0 {
			return total
		}
		value := b[:n]
		b = b[n:]
		field := fields.ByNumber(number)
		switch {
		case field == nil: // unknown, and dropped
		case kind != protowire.BytesType:
			total += elementBytes
		case field.Message() != nil:
			inner, _ := protowire.ConsumeBytes(value)
			total += elementBytes + decodedBytes(inner, field.Message(), most-total)
		case field.Kind() == protoreflect.StringKind || field.Kind() == protoreflect.BytesKind:
			total += elementBytes + int64(n)
		default: // packed numbers, of at least one byte each
			total += elementBytes + 16*int64(n)
		}
	}
	return total
}
