package reactor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
	if left := r.runner.Stats().Submitting; left != 0 {
		t.Errorf("%d submissions are left", left)
	}
}
