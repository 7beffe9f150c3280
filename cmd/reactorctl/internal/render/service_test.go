package render

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestServed(t *testing.T) {
	for _, tt := range []struct {
		s       *reactorv1.HttpService
		want    string
		offline bool
	}{
		{nil, "", true},
		{&reactorv1.HttpService{Offer: true}, "HTTP and calls of other workloads", false},
		{&reactorv1.HttpService{Offer: true, MaxInstances: 2}, "calls of other workloads, at most 2 instances", true},
		{&reactorv1.HttpService{}, "HTTP", false},
		{&reactorv1.HttpService{MaxInstances: 1, MaxInstanceRequests: 1, Certificate: "file:/cert"}, "HTTPS, at most 1 instance, 1 request of each in all", false},
		{
			&reactorv1.HttpService{
				MaxInstances: 2, MaxConcurrentRequests: 3, MaxInstanceRequests: 2000, MaxWaitingRequests: 4, RequestTimeout: durationpb.New(5 * time.Second),
			},
			"HTTP, at most 2 instances, 3 requests of each at a time, 2,000 requests of each in all, 4 waiting requests, within 5s", false,
		},
	} {
		if got := served(tt.s, !tt.offline); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.s, got, tt.want)
		}
	}
}
