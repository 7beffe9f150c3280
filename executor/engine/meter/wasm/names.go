package wasm

import "unicode/utf8"

// FunctionName names one function.
type FunctionName struct {
	Index uint32
	Name  string
}

// nameFunction is the id of the subsection with the names of functions. The other subsections are not read.
const nameFunction = 1

// decodeNames reads a name section. Malformed parts are left out, since a faulty custom section doesn't make a
// module invalid. Long names are cut, and names beyond the limit on all of them are dropped.
func decodeNames(r reader, lim Limits) []FunctionName {
	for r.more() {
		id := r.byte()
		sub := reader{buf: r.bytes(r.u32())}
		if r.err == nil && id == nameFunction {
			return functionNames(sub, lim)
		}
	}
	return nil
}

func functionNames(r reader, lim Limits) []FunctionName {
	count := r.count("function names", lim.Functions, 2)
	names := make([]FunctionName, 0, count)
	room := lim.FunctionNameBytes
	for range count {
		index := r.u32()
		name := r.bytes(r.u32())
		if r.err != nil || len(names) > 0 && index <= names[len(names)-1].Index {
			break
		}
		name = cutName(name, lim.NameBytes)
		if room -= len(name); room < 0 {
			break
		}
		if utf8.Valid(name) {
			names = append(names, FunctionName{index, string(name)})
		}
	}
	return names
}

// cutName cuts a name to a number of bytes, at a character boundary.
func cutName(name []byte, most int) []byte {
	if len(name) <= most {
		return name
	}
	for most > 0 && !utf8.RuneStart(name[most]) {
		most--
	}
	return name[:most]
}
