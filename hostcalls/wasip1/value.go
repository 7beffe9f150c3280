package wasip1

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine/meter"
)

// parseParams parses arguments as values of the given types: integers in any notation of Go, signed or
// unsigned, and floats.
func parseParams(types []meter.ValType, args []string) ([]uint64, error) {
	if len(types) != len(args) {
		return nil, fmt.Errorf("it takes %d arguments (%s), not %d",
			len(types), listOf(types), len(args))
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

// listOf returns the names of types, separated by spaces.
func listOf(types []meter.ValType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, " ")
}

func parseValue(typ meter.ValType, text string) (uint64, error) {
	var v uint64
	var err error
	switch typ {
	case meter.I32:
		v, err = parseInt(text, 32)
		v = uint64(uint32(v))
	case meter.I64:
		v, err = parseInt(text, 64)
	case meter.F32:
		var f float64
		f, err = strconv.ParseFloat(text, 32)
		v = uint64(math.Float32bits(float32(f)))
	case meter.F64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = math.Float64bits(f)
	default:
		return 0, fmt.Errorf("its type %v can't be written as an argument", typ)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not of type %v", text, typ)
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

// formatResults converts values to text, with integers as signed. A vector takes two words.
func formatResults(types []meter.ValType, values []uint64) []string {
	var texts []string
	for _, typ := range types {
		if typ == meter.V128 && len(values) >= 2 {
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

func formatValue(typ meter.ValType, v uint64) string {
	switch typ {
	case meter.I32:
		return strconv.FormatInt(int64(int32(v)), 10)
	case meter.I64:
		return strconv.FormatInt(int64(v), 10)
	case meter.F32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32)
	case meter.F64:
		return strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64)
	default:
		if v == 0 {
			return "null"
		}
		return typ.String()
	}
}
