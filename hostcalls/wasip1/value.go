package wasip1

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// signature is a function's type: the names of value types, as the text notation has them.
type signature struct{ params, results []string }

// parseSignature reads a type like "(func (param i32 i64) (result f32))", as meter.Info has it.
func parseSignature(text string) signature {
	var s signature
	var list *[]string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("() ", r) }) {
		switch word {
		case "func":
		case "param":
			list = &s.params
		case "result":
			list = &s.results
		default:
			*list = append(*list, word)
		}
	}
	return s
}

// parseParams reads arguments as values of types: integers in any base that Go writes them in,
// signed or unsigned, and floats.
func parseParams(types, args []string) ([]uint64, error) {
	if len(types) != len(args) {
		return nil, fmt.Errorf("it takes %d arguments (%s), not %d",
			len(types), strings.Join(types, " "), len(args))
	}
	values := make([]uint64, len(args))
	for i, arg := range args {
		v, err := parseValue(types[i], arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		values[i] = v
	}
	return values, nil
}

func parseValue(typ, text string) (uint64, error) {
	var v uint64
	var err error
	switch typ {
	case "i32":
		v, err = parseInt(text, 32)
		v = uint64(uint32(v))
	case "i64":
		v, err = parseInt(text, 64)
	case "f32":
		var f float64
		f, err = strconv.ParseFloat(text, 32)
		v = uint64(math.Float32bits(float32(f)))
	case "f64":
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = math.Float64bits(f)
	default:
		return 0, fmt.Errorf("its type %s can't be written as an argument", typ)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not of type %s", text, typ)
	}
	return v, nil
}

func parseInt(text string, bits int) (uint64, error) {
	if strings.HasPrefix(text, "-") {
		v, err := strconv.ParseInt(text, 0, bits)
		return uint64(v), err
	}
	return strconv.ParseUint(text, 0, bits)
}

// formatResults writes values as text, integers as signed ones. A vector takes two words.
func formatResults(types []string, values []uint64) []string {
	var texts []string
	for _, typ := range types {
		if typ == "v128" && len(values) >= 2 {
			texts = append(texts, fmt.Sprintf("0x%016x%016x", values[1], values[0]))
			values = values[2:]
			continue
		}
		if len(values) == 0 {
			break
		}
		texts = append(texts, formatValue(typ, values[0]))
		values = values[1:]
	}
	return texts
}

func formatValue(typ string, v uint64) string {
	switch typ {
	case "i32":
		return strconv.FormatInt(int64(int32(v)), 10)
	case "i64":
		return strconv.FormatInt(int64(v), 10)
	case "f32":
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32)
	case "f64":
		return strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64)
	default:
		if v == 0 {
			return "null"
		}
		return typ
	}
}
