package cli

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestDifferences: in what two specs differ is told by the flags that set it.
func TestDifferences(t *testing.T) {
	serves := func(change func(s *reactorv1.HttpService)) *reactorv1.WorkloadSpec {
		s := &reactorv1.HttpService{MaxInstances: 2}
		change(s)
		return &reactorv1.WorkloadSpec{Module: "a", Serve: s}
	}
	calls := func(export string) *reactorv1.WorkloadSpec {
		return &reactorv1.WorkloadSpec{Module: "a", Call: &reactorv1.FunctionCall{Export: export}}
	}
	plain := &reactorv1.WorkloadSpec{Module: "a"}
	service := serves(func(*reactorv1.HttpService) {})
	for _, tt := range []struct {
		name         string
		sent, stored *reactorv1.WorkloadSpec
		want         []string
	}{
		{"nothing", plain, plain, nil},
		{"the module", plain, &reactorv1.WorkloadSpec{Module: "b"}, []string{"MODULE"}},
		{"the default of an enum", &reactorv1.WorkloadSpec{Module: "a", GrantMode: reactorv1.GrantMode_GRANT_MODE_ENFORCE}, plain, nil},
		{"the same service", service, service, nil},
		{"how it serves", serves(func(s *reactorv1.HttpService) {
			s.MaxInstances, s.RequestTimeout, s.Offer = 3, durationpb.New(1), true
		}), service, []string{"--instances", "--answer-timeout", "--offer"}},
		{"whether it serves", plain, service, []string{"the command: serve has the module serve, and others do not"}},
		{"what is called", calls("f"), calls("g"), []string{"--call"}},
		{"whether something is called", calls("f"), plain, []string{"--call"}},
		{"a limit that was given", &reactorv1.WorkloadSpec{Module: "a", Limits: &reactorv1.Limits{MemoryBytes: 1}}, plain, []string{"--memory"}},
		{"a limit that was not", plain, &reactorv1.WorkloadSpec{Module: "a", Limits: &reactorv1.Limits{MemoryBytes: 1}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := differences(tt.sent, tt.stored, failure.Command{Flag: func(string) bool { return true }})
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
