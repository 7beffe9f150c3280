package intake

import (
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
)

func TestExcesses(t *testing.T) {
	most := api.Limits{MemoryBytes: 10, Fuel: 10, Timeout: 10, StackBytes: 10, LogBytes: 10, Descriptors: 10, PendingOps: 10}
	if over := Excesses(api.Limits{Fuel: 11, MemoryBytes: 10}, most); len(over) != 1 || over[0].Path != "fuel" {
		t.Errorf("excesses = %+v", over)
	}
	if over := Excesses(api.Limits{Fuel: 1 << 60, Timeout: time.Hour}, api.Limits{MemoryBytes: 1}); len(over) != 0 {
		t.Errorf("excesses = %+v: a maximum of zero is none", over)
	}
}
