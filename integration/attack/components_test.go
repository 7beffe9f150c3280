package attack

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// mutants makes components of others by small changes.
type mutants struct {
	from [][]byte
	r    *rand.Rand
}

// next returns another mutant.
func (m *mutants) next() []byte {
	of := bytes.Clone(m.from[m.r.IntN(len(m.from))])
	for range 1 + m.r.IntN(4) {
		of = m.mutate(of)
	}
	return of
}

func (m *mutants) mutate(b []byte) []byte {
	if len(b) < 16 {
		return b
	}
	at := m.place(b)
	switch m.r.IntN(10) {
	case 0:
		return b[:at]
	case 1, 2:
		b[at] = byte(m.r.IntN(256))
	case 3:
		b[at] ^= 1 << m.r.IntN(8)
	case 4, 5:
		b[at] += byte(m.r.IntN(5)) - 2
	case 6:
		return append(b[:at:at], b[min(len(b), at+1+m.r.IntN(4)):]...)
	case 7:
		return append(append(b[:at:at], 0xff, 0xff, 0xff, 0xff, 0x0f), b[at+1:]...)
	case 8:
		n := min(len(b), at+m.r.IntN(64))
		return append(append(b[:n:n], b[at:n]...), b[n:]...)
	default:
		other := m.from[m.r.IntN(len(m.from))]
		p := m.place(other)
		piece := other[p:min(len(other), p+m.r.IntN(64))]
		return append(append(b[:at:at], piece...), b[at:]...)
	}
	return b
}

// place chooses a byte, mostly outside of core modules.
func (m *mutants) place(b []byte) int {
	if len(b) < 10 || m.r.IntN(10) == 0 {
		return m.r.IntN(max(1, len(b)-1))
	}
	var areas [][2]int
	for at := 8; at < len(b); {
		size, n := binary.Uvarint(b[at+1:])
		if n <= 0 || size > uint64(len(b)-at-1-n) {
			break
		}
		end := at + 1 + n + int(size)
		if id := b[at]; id == 1 || id == 0 {
			areas = append(areas, [2]int{at, at + 1 + n})
		} else {
			areas = append(areas, [2]int{at, end})
		}
		at = end
	}
	if len(areas) == 0 {
		return m.r.IntN(len(b))
	}
	a := areas[m.r.IntN(len(areas))]
	return a[0] + m.r.IntN(a[1]-a[0])
}

// anyValue makes a value of a type.
func anyValue(r *rand.Rand, all []*reactorv1.ValueType, n uint32) *reactorv1.Value {
	t := all[n]
	part := func(n uint32) *reactorv1.Value { return anyValue(r, all, n) }
	switch t.GetKind() {
	case "bool":
		return &reactorv1.Value{Kind: &reactorv1.Value_Bool{Bool: r.IntN(2) == 0}}
	case "s8", "s16", "s32", "s64":
		return &reactorv1.Value{Kind: &reactorv1.Value_Int{Int: int64(r.IntN(256) - 128)}}
	case "u8", "u16", "u32", "u64":
		return &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: uint64(r.IntN(256))}}
	case "f32", "f64":
		return &reactorv1.Value{Kind: &reactorv1.Value_F64{F64: float64(r.IntN(1000))}}
	case "char":
		return &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: string(rune('a' + r.IntN(26)))}}
	case "string":
		return &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: strings.Repeat("ä", r.IntN(100))}}
	case "list":
		l := &reactorv1.ListValue{}
		for range r.IntN(4) {
			l.Items = append(l.Items, part(t.GetElement()))
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_List{List: l}}
	case "tuple":
		l := &reactorv1.ListValue{}
		for _, f := range t.GetFields() {
			l.Items = append(l.Items, part(f.GetType()))
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Tuple{Tuple: l}}
	case "record":
		l := &reactorv1.RecordValue{Fields: map[string]*reactorv1.Value{}}
		for _, f := range t.GetFields() {
			l.Fields[f.GetName()] = part(f.GetType())
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Record{Record: l}}
	case "flags":
		l := &reactorv1.FlagsValue{}
		for _, f := range t.GetLabels() {
			if r.IntN(2) == 0 {
				l.Labels = append(l.Labels, f)
			}
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Flags{Flags: l}}
	case "variant", "enum", "option", "result":
		c := t.GetCases()[r.IntN(len(t.GetCases()))]
		v := &reactorv1.VariantValue{Case: c.GetName()}
		if c.Type != nil {
			v.Value = part(c.GetType())
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: v}}
	}
	return nil
}

// smallComponents are those of testdata.
func smallComponents(t *testing.T) (all [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "components", "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d components, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) < 100<<10 {
			all = append(all, b)
		}
	}
	return all
}

// unclear reports whether a text tells what only a fault of the daemon makes it tell.
func unclear(text string) bool {
	text = strings.ToLower(text)
	for _, bad := range []string{"internal", "nil pointer", "goroutine", "index out of range", "slice bounds"} {
		if strings.Contains(text, bad) {
			return true
		}
	}
	return false
}

// TestMutantsOfComponents: components that were changed here and there are refused for what they are, or run as what they are.
func TestMutantsOfComponents(t *testing.T) {
	count := 100
	if all {
		count = 4000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	m := &mutants{smallComponents(t), rand.New(rand.NewPCG(seed, 1))}
	d := testkit.Start(t, t.TempDir())
	for range count {
		b := m.next()
		up, err := d.Modules.UploadModule(t.Context(), &reactorv1.UploadModuleRequest{Content: b})
		if err == nil {
			callAll(t, d, m.r, up.GetModule().GetDigest())
			continue
		}
		switch why := testkit.ReasonOf(err); why {
		case "MODULE_INVALID", "MODULE_UNSUPPORTED", "MODULE_TOO_LARGE":
			if text := status.Convert(err).Message(); unclear(text) {
				t.Errorf("%s: %s: %x", why, text, b)
			}
		default:
			t.Errorf("%q: %v: %x", why, err, b)
		}
	}
	if log := d.Log(); unclear(log) {
		t.Errorf("log: %s", log)
	}
}

// callAll calls the functions of a component.
func callAll(t *testing.T, d *testkit.Daemon, r *rand.Rand, digest string) {
	t.Helper()
	about, err := d.Modules.DescribeModule(t.Context(), &reactorv1.DescribeModuleRequest{Module: digest})
	if err != nil {
		t.Error(err)
		return
	}
	limits := &reactorv1.Limits{Timeout: durationpb.New(2 * time.Second)}
	for _, f := range about.GetFunctions() {
		if !f.GetCallable() {
			continue
		}
		call := &reactorv1.FunctionCall{Export: f.GetExport()}
		for _, p := range f.GetParams() {
			call.Args = append(call.Args, anyValue(r, about.GetTypes(), p.GetType()))
		}
		if slices.ContainsFunc(call.GetArgs(), func(v *reactorv1.Value) bool { return v.GetKind() == nil }) {
			continue // it takes a connection
		}
		if end := endOf(t, d, &reactorv1.WorkloadSpec{Module: digest, Call: call, Limits: limits}); unclear(end) {
			t.Errorf("%v: %s", call, end)
		}
	}
}

// endOf tells how a workload ends, or why it is refused: what it imports under a mutated name may be missing.
func endOf(t *testing.T, d *testkit.Daemon, spec *reactorv1.WorkloadSpec) string {
	t.Helper()
	resp, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
	switch {
	case err == nil:
		return d.WaitFor(t, resp.GetWorkload().GetId()).GetMessage()
	case testkit.ReasonOf(err) != "INVALID_ARGUMENT":
		t.Errorf("submitting: %q: %v", testkit.ReasonOf(err), err)
	}
	return status.Convert(err).Message()
}
