package runner

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// TestHandOver holds that a workload takes over a decoded spec only if it is the spec of its record.
func TestHandOver(t *testing.T) {
	large := bytes.Repeat([]byte{' '}, record.KeepSpecBytes+1)
	for _, test := range []struct {
		name    string
		id      string
		encoded []byte
		record  []byte
		queued  int
		want    bool
	}{
		{"same", "w", []byte("{}"), []byte("{}"), 0, true},
		{"another submission of the id", "w", []byte("{}"), []byte(`{"invoke":"f"}`), 0, false},
		{"none of the id", "v", []byte("{}"), []byte("{}"), 0, false},
		{"large", "w", large, large, 0, false},
		{"long queue", "w", []byte("{}"), []byte("{}"), keepDecoded, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := &api.Spec{}
			r := New(Config{Schedule: schedule.Config{}})
			r.submitting[test.id] = decoded{spec, test.encoded}
			for i := range test.queued {
				r.admit(&store.Workload{ID: fmt.Sprint(i)})
			}
			r.admit(&store.Workload{ID: "w", Spec: test.record})
			if got := r.live["w"].spec == spec; got != test.want {
				t.Errorf("handed over: %t, want %t", got, test.want)
			}
		})
	}
}
