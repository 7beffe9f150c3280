package values

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Text writes a value as WAVE, as far as that is known without its type: a char is written as a string, and the fields of
// a record are in the order of their names. It is on one line, and cut after most bytes.
func Text(v *reactorv1.Value, most int) string {
	w := &writer{most: most}
	w.value(v)
	if w.text.Len() > most {
		return strings.ToValidUTF8(w.text.String()[:most], "") + "..."
	}
	return w.text.String()
}

type writer struct {
	text strings.Builder
	most int
}

func (w *writer) full() bool { return w.text.Len() > w.most }

// list writes items between two marks.
func (w *writer) list(open, end string, n int, item func(i int)) {
	w.text.WriteString(open)
	for i := 0; i < n && !w.full(); i++ {
		if i > 0 {
			w.text.WriteString(", ")
		}
		item(i)
	}
	w.text.WriteString(end)
}

func (w *writer) values(open, end string, items []*reactorv1.Value) {
	w.list(open, end, len(items), func(i int) { w.value(items[i]) })
}

func (w *writer) value(v *reactorv1.Value) {
	switch k := v.GetKind().(type) {
	case *reactorv1.Value_Bool:
		w.text.WriteString(strconv.FormatBool(k.Bool))
	case *reactorv1.Value_Int:
		w.text.WriteString(strconv.FormatInt(k.Int, 10))
	case *reactorv1.Value_Uint:
		w.text.WriteString(strconv.FormatUint(k.Uint, 10))
	case *reactorv1.Value_F32:
		w.text.WriteString(float(float64(k.F32), 32))
	case *reactorv1.Value_F64:
		w.text.WriteString(float(k.F64, 64))
	case *reactorv1.Value_Text:
		w.text.WriteString(strconv.Quote(k.Text[:min(len(k.Text), w.most)]))
	case *reactorv1.Value_Bytes:
		w.list("[", "]", len(k.Bytes), func(i int) { w.text.WriteString(strconv.Itoa(int(k.Bytes[i]))) })
	case *reactorv1.Value_List:
		w.values("[", "]", k.List.GetItems())
	case *reactorv1.Value_Tuple:
		w.values("(", ")", k.Tuple.GetItems())
	case *reactorv1.Value_Record:
		w.record(k.Record.GetFields())
	case *reactorv1.Value_Variant:
		w.text.WriteString(caseWord(k.Variant.GetCase()))
		if payload := k.Variant.GetValue(); payload != nil {
			w.values("(", ")", []*reactorv1.Value{payload})
		}
	case *reactorv1.Value_Flags:
		labels := k.Flags.GetLabels()
		w.list("{", "}", len(labels), func(i int) { w.text.WriteString(labels[i]) })
	case *reactorv1.Value_Connection:
		w.text.WriteString("@" + k.Connection[:min(len(k.Connection), w.most)])
	case *reactorv1.Value_Map:
		entries := k.Map.GetEntries()
		w.list("[", "]", len(entries), func(i int) {
			w.values("(", ")", []*reactorv1.Value{entries[i].GetKey(), entries[i].GetValue()})
		})
	}
}

func (w *writer) record(fields map[string]*reactorv1.Value) {
	names := slices.Sorted(maps.Keys(fields))
	if len(names) == 0 {
		w.text.WriteString("{:}")
		return
	}
	w.list("{", "}", len(names), func(i int) {
		w.text.WriteString(names[i] + ": ")
		w.value(fields[names[i]])
	})
}

// caseWord is the word of WAVE for the case of a result whose name differs.
func caseWord(name string) string {
	if name == "error" {
		return "err"
	}
	return name
}

func float(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, bits), "+"))
	default:
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
}
