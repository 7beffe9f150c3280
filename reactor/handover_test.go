package reactor

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// TestSubmitAnswers holds that the answer, which is not read back, is what was stored.
func TestSubmitAnswers(t *testing.T) {
	r := open(t)
	push(t, r, "sleep")
	spec := everything(t)
	spec.Module = "sleep"
	answer := submit(t, r, "w", spec)
	stored, err := r.readWorkload(deadline(t), "w")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored.Spec, answer.Spec); diff != "" {
		t.Errorf("the answer differs (-stored +answer):\n%s", diff)
	}
	if answer.ID != "w" || !answer.Status.CreateTime.Equal(stored.Status.CreateTime) {
		t.Errorf("answer %+v, stored %+v", answer, stored)
	}
	if len(r.submitting) != 0 {
		t.Errorf("%d submissions are left", len(r.submitting))
	}
}

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
			r := &Reactor{sched: schedule.New[*workload, loaded](schedule.Config{}), live: map[string]*workload{}, submitting: map[string]decoded{test.id: {spec, test.encoded}}}
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
