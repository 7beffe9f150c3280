package engine

import "testing"

// TestNoWASIState fails when wazero keeps elsewhere what an instance has for WASI.
func TestNoWASIState(t *testing.T) {
	m := load(t, newEngine(t, Config{}), "guest")
	made, err := m.runtime.InstantiateModule(t.Context(), m.compiled, instanceConfig())
	if err != nil {
		t.Fatal(err)
	}
	if !newInstanceFields().dropWASIState(made) {
		t.Error("a new instance was left as it is")
	}
	if newInstanceFields().dropWASIState(made) {
		t.Error("it was found again")
	}
	if err := made.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
