package api

import "testing"

func TestLimitsWithin(t *testing.T) {
	most := Limits{MemoryBytes: 10, Fuel: 10, Timeout: 10, StackBytes: 10, LogBytes: 10, Descriptors: 10, PendingOps: 10}
	if got := (Limits{MemoryBytes: 20, StackBytes: 5}).Within(most); got != (Limits{MemoryBytes: 10, Fuel: 10, Timeout: 10, StackBytes: 5}) {
		t.Errorf("Within = %+v: zero fuel and timeout are unbounded, so the maximum is the default", got)
	}
	if got := (Limits{Fuel: 5, Timeout: 20}).Within(Limits{Timeout: 30}); got.Fuel != 5 || got.Timeout != 20 {
		t.Errorf("Within = %+v: a maximum of zero is none", got)
	}
}
