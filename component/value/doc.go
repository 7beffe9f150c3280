// Package value holds values of the component model's types, as a tree.
//
// A [Value] does not know its type: functions that need it are given both. A Value is well-formed for a type if it has
// what the table below says; what makes Values of text or messages checks that, so functions may rely on it.
//
//	type                             what the Value has
//	bool                             Bits: 0 or 1
//	s8 to s64                        Bits, sign-extended
//	u8 to u64, char                  Bits
//	f32, f64                         Bits, as math.Float32bits and math.Float64bits give them
//	string                           Bytes: UTF-8
//	list<u8>                         Bytes
//	list, tuple, record              Items, in the order of the type
//	variant, enum, option, result    Bits: the number of the case. Items: its payload, if the case has one
//	flags                            Bits: label 0 is the lowest bit
//	map                              Items: key, value, key, value, in insertion order
//	own, borrow, stream, future      Bits: what the holder says. Bytes instead: the name of an open connection, which an own or
//	                                 a stream of bytes is to be
//
// A Value may share its Bytes with others; they must not be changed.
//
// A [Literal] says itself what it is, as clients write values and stores keep them. [Typed] and [LiteralOf] go from one to
// the other.
package value
