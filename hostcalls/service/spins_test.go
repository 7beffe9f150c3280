package service

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// An instance that computes for a request that was given up is ended, with those that wait for it, and says so. One that computes for
// another request is not.
func TestSpins(t *testing.T) {
	for _, tt := range []struct {
		name, goes, stays string
		lost              bool
	}{
		{"for nobody", "/spin", "/wait", true},
		{"for somebody", "/wait", "/spin", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, abi.Service{Instances: 1, Timeout: time.Hour}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
				if x.Request.PathWithQuery == "/spin" {
					return nil, store.Invoke("add-times", []value.Value{{Bits: 1<<32 - 1}}, func([]value.Value) {})
				}
				return nil, nil
			}))
			ask := func(path string) net.Conn {
				c := r.dial()
				_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
				return c
			}
			waits := ask("/wait")
			r.await("one is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
			spins := ask("/spin")
			r.await("both are active", func(c abi.ServiceCounts) bool { return c.Active == 2 })
			goes, stays := waits, spins
			if tt.goes == "/spin" {
				goes, stays = spins, waits
			}
			_ = goes.Close()
			r.await("it was given up", func(c abi.ServiceCounts) bool { return c.Failed == 1 })
			if tt.lost {
				response, err := http.ReadResponse(bufio.NewReader(stays), nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				const told = "an instance was ended: it went on computing for GET /spin, which was given up"
				if response.StatusCode != http.StatusInternalServerError || !strings.Contains(r.log.String(), told) {
					t.Errorf("%s is answered with %d; the log: %s", tt.stays, response.StatusCode, r.log)
				}
				return
			}
			time.Sleep(cancelGrace + 4*tendEvery)
			if c := r.process.Counts(); c.Active != 2 || c.Instances != 1 {
				t.Errorf("%+v; the log: %s", c, r.log)
			}
		})
	}
}
