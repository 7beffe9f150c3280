package service

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Every request counts once, by what became of it, and connections while they are there.
func TestTotals(t *testing.T) {
	totals := &abi.ServiceTotals{}
	entered := make(chan struct{}, 1)
	r := start(t, abi.Service{}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		switch {
		case strings.HasPrefix(x.Request.PathWithQuery, "/fails"):
			x.Answer(nil, &wasihttp.Error{Code: wasihttp.ProtocolError})
			x.Done()
		case strings.HasPrefix(x.Request.PathWithQuery, "/hangs"):
			entered <- struct{}{}
			return func() error { x.Done(); return nil }, nil
		default:
			reply(store, x, "hello")
		}
		return nil, nil
	}), func(c *abi.Config) { c.Served = totals })
	for path, want := range map[string]int{"/": http.StatusOK, "/again": http.StatusOK, "/fails": http.StatusInternalServerError} {
		if status, text := r.get(path); status != want {
			t.Errorf("%s: status %d: %s", path, status, text)
		}
	}
	c := r.dial()
	if _, err := c.Write([]byte("OPTIONS /hangs HTTP/1.1\r\nHost: h\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-entered
	if n := totals.Connections(); n < 1 || n > 2 {
		t.Errorf("%d connections", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	r.await("it is given up", func(c abi.ServiceCounts) bool { return c.Failed == 2 })
	r.end()
	if err := r.result; !errors.Is(err, errCancelled) {
		t.Errorf("it ended with %v", err)
	}
	want := [abi.ResponseClasses]uint64{abi.BrokenOff: 1, abi.Successful: 2, abi.ServerError: 1}
	if got := totals.Responses(); got != want || totals.Connections() != 0 {
		t.Errorf("got %v, want %v; %d connections are left", got, want, totals.Connections())
	}
}

func TestClassOf(t *testing.T) {
	for status, want := range map[int]string{
		199: "other", 200: "2xx", 299: "2xx", 304: "3xx", 404: "4xx", 499: "4xx", 500: "5xx", 599: "5xx", 600: "other", 999: "other",
	} {
		if got := abi.ClassOf(status).String(); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
	}
}
