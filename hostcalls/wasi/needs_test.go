package wasi

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
)

// TestNeedsOf: a need is one of a version, whatever comes after the numbers that are given.
func TestNeedsOf(t *testing.T) {
	all := []Need{
		{"files", []abi.Import{{Module: "wasi:files/open", Name: "open"}}},
		{"names", []abi.Import{{Module: "wasi:names/lookup", Name: "a"}, {Module: "wasi:names/lookup", Name: "b"}}},
	}
	for _, tt := range []struct {
		imports []abi.Import
		want    []string
	}{
		{nil, nil},
		{[]abi.Import{{Module: "wasi:files/open@0.2.3", Name: "open"}, {Module: "wasi:names/lookup@0.2.0", Name: "b"}}, []string{"files", "names"}},
		{[]abi.Import{{Module: "wasi:files/open@0.2", Name: "open"}}, []string{"files"}},
		{[]abi.Import{{Module: "wasi:files/open@0.20.0", Name: "open"}, {Module: "wasi:files/open@0.3.2", Name: "open"}}, nil},
		{[]abi.Import{{Module: "wasi:files/open", Name: "open"}, {Module: "wasi:files/open@0.2.3", Name: "close"}}, nil},
	} {
		if got := NeedsOf(tt.imports, "0.2", all); !slices.Equal(got, tt.want) {
			t.Errorf("%v needs %v, want %v", tt.imports, got, tt.want)
		}
	}
}
