package server

import (
	"errors"
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func TestFitting(t *testing.T) {
	for _, tt := range []struct {
		name                string
		there, asked, bytes int // workloads of so many bytes
		elements, tries     int
	}{
		{"small", 10, 5, 100, 5, 1},
		{"large", 10, 0, 1 << 20, 2, 3},
		{"huge", 10, 4, 5 << 20, 1, 3},
		{"none", 0, 4, 0, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tries := 0
			resp, err := fitting(api.Page{Size: tt.asked, Token: "here"}, func(p api.Page) (*reactorv1.ListWorkloadsResponse, int, error) {
				tries++
				if p.Token != "here" {
					t.Errorf("page is %v", p)
				}
				resp := &reactorv1.ListWorkloadsResponse{}
				for n := range tt.there {
					if p.Size == 0 || n < p.Size {
						resp.Workloads = append(resp.Workloads, &reactorv1.Workload{
							Spec: &reactorv1.WorkloadSpec{Stdin: make([]byte, tt.bytes)},
						})
					}
				}
				return resp, len(resp.Workloads), nil
			})
			if err != nil || len(resp.GetWorkloads()) != tt.elements || tries != tt.tries {
				t.Errorf("%d elements after %d tries, %v; want %d after %d", len(resp.GetWorkloads()), tries, err, tt.elements, tt.tries)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := fitting(api.Page{}, func(api.Page) (*reactorv1.ListWorkloadsResponse, int, error) {
		return nil, 0, broken
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
