package testkit

import (
	"encoding/binary"
	"slices"
)

// Program assembles a module by hand: imports, a memory, and a function _start that makes calls
// with constant arguments. The zero Program is a module that does nothing.
type Program struct {
	// Memory is the type of the memory as the binary format has it: flags, minimum, maximum. One
	// page if nil.
	Memory []byte
	// NoEntry leaves _start unexported.
	NoEntry bool

	imports []signature
	body    []byte
}

// signature is an imported function: i stands for i32, I for i64.
type signature struct {
	module, name, params string
	result               bool
}

// Header begins every core module.
func Header() []byte { return []byte("\x00asm\x01\x00\x00\x00") }

// Import imports a function and returns its index. Its result, if it has one, is an i32.
func (p *Program) Import(module, name, params string, result bool) int {
	p.imports = append(p.imports, signature{module, name, params, result})
	return len(p.imports) - 1
}

// Call makes _start call the imported function with the arguments, and drop its result.
func (p *Program) Call(function int, args ...int64) {
	f := p.imports[function]
	for i, arg := range args {
		if f.params[i] == 'i' {
			p.body = signed(append(p.body, 0x41), int64(int32(arg)))
		} else {
			p.body = signed(append(p.body, 0x42), arg)
		}
	}
	p.body = binary.AppendUvarint(append(p.body, 0x10), uint64(function))
	if f.result {
		p.body = append(p.body, 0x1a)
	}
}

// Store makes _start store text at an address.
func (p *Program) Store(at int64, text string) {
	for i := range len(text) {
		p.body = signed(append(p.body, 0x41), at+int64(i))
		p.body = signed(append(p.body, 0x41), int64(text[i]))
		p.body = append(p.body, 0x3a, 0, 0) // i32.store8
	}
}

// Bytes returns the module. custom, if not empty, is the contents of a custom section, which changes the module's digest
// but not what it does.
func (p *Program) Bytes(custom string) []byte {
	types := [][]byte{{0x60, 0, 0}} // of _start
	var imports [][]byte
	for _, f := range p.imports {
		params := []byte(f.params)
		for i, c := range params {
			params[i] = map[byte]byte{'i': 0x7f, 'I': 0x7e}[c]
		}
		types = append(types, slices.Concat([]byte{0x60}, vector(params), results(f.result)))
		imports = append(imports, slices.Concat(name(f.module), name(f.name), []byte{0},
			binary.AppendUvarint(nil, uint64(len(types)-1))))
	}
	memory := p.Memory
	if memory == nil {
		memory = []byte{0, 1}
	}
	exports := [][]byte{slices.Concat(name("memory"), []byte{2, 0})}
	if !p.NoEntry {
		exports = append(exports, slices.Concat(name("_start"), []byte{0}, binary.AppendUvarint(nil, uint64(len(p.imports)))))
	}
	body := slices.Concat([]byte{0}, p.body, []byte{0x0b})
	module := slices.Concat(Header(),
		section(1, types...), section(2, imports...), section(3, []byte{0}), section(5, memory),
		section(7, exports...), section(10, vector(body)))
	if custom != "" {
		content := slices.Concat(name("note"), []byte(custom))
		module = slices.Concat(module, []byte{0}, vector(content))
	}
	return module
}

func results(one bool) []byte {
	if one {
		return []byte{1, 0x7f}
	}
	return []byte{0}
}

// section returns a section that is a vector of entries.
func section(id byte, entries ...[]byte) []byte {
	content := binary.AppendUvarint(nil, uint64(len(entries)))
	return slices.Concat([]byte{id}, vector(append(content, slices.Concat(entries...)...)))
}

func name(s string) []byte { return vector([]byte(s)) }

// vector returns bytes preceded by their number.
func vector(b []byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// signed appends v as signed LEB128.
func signed(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
