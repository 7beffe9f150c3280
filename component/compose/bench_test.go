package compose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

// BenchmarkJoin joins components with many imports and exports in versions that differ.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{10, 1_000, 20_000} {
		f := &binary.Type{Def: &binary.FuncType{}}
		desc := binary.ExternDesc{Kind: binary.FuncExtern}
		socket := &binary.Component{Definitions: []binary.Definition{f}}
		plug := &binary.Component{Definitions: []binary.Definition{f, &binary.Import{Name: binary.Name{Text: "f"}, Desc: desc}}}
		for i := range n {
			name := func(patch int) binary.Name { return binary.Name{Text: fmt.Sprintf("test:x/f%d@0.2.%d", i, patch)} }
			socket.Definitions = append(socket.Definitions, &binary.Import{Name: name(i % 7), Desc: desc})
			plug.Definitions = append(plug.Definitions, &binary.Export{Name: name(i % 5), Ref: binary.Ref{Sort: binary.FuncSort}})
		}
		parts := []Part{{"socket", binary.Encode(socket)}, {"plug", binary.Encode(plug)}}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Join(parts[0], []Plug{{Part: parts[1]}}, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/import")
		})
	}
}

func TestPlugsAreBounded(t *testing.T) {
	_, err := Join(sample(t, "numbers"), make([]Plug, maxPlugs+1), Options{})
	if err == nil || !strings.Contains(err.Error(), "101 plugs, the limit is 100") {
		t.Errorf("got %v", err)
	}
}
