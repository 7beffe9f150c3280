package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// host is what happens when an address is connected to.
type host struct {
	after time.Duration // 0: never
	err   error
}

// TestRace: what answers first is taken, what is slow or fails holds up the others for its head start at most, and nothing stays open.
func TestRace(t *testing.T) {
	refused, unreachable, given := errors.New("refused"), errors.New("unreachable"), errors.New("given up")
	for name, test := range map[string]struct {
		hosts []host
		conn  int // which of them is connected to, if err is nil
		after time.Duration
		err   error
	}{
		"the first answers":                      {[]host{{after: 10 * time.Millisecond}, {after: 1}}, 0, 10 * time.Millisecond, nil},
		"the first fails at once":                {[]host{{1, refused}, {after: 1}}, 1, 2, nil},
		"the first never answers":                {[]host{{}, {after: 1}}, 1, headStart + 1, nil},
		"two never answer":                       {[]host{{}, {}, {after: 1}}, 2, 2*headStart + 1, nil},
		"the first answers late, before another": {[]host{{after: headStart + 5}, {after: 10}}, 0, headStart + 5, nil},
		"all fail, the first one last":           {[]host{{time.Second, refused}, {1, unreachable}}, 0, time.Second, unreachable},
		"none answers in time":                   {[]host{{}, {}}, 0, 10 * time.Second, given},
		"one fails, the other never answers":     {[]host{{1, refused}, {}}, 0, 10 * time.Second, given},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, given)
				defer cancel()
				var open opened
				begin := time.Now()
				conn, err := race(ctx, addressesOf(len(test.hosts)), func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
					h := test.hosts[to.Port()]
					var answers <-chan time.Time
					if h.after > 0 {
						answers = time.After(h.after)
					}
					select {
					case <-answers:
						if h.err != nil {
							return nil, h.err
						}
						return open.add(int(to.Port())), nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				})
				took := time.Since(begin)
				synctest.Wait()
				var want []int
				if test.err == nil {
					want = []int{test.conn}
				}
				if !errors.Is(err, test.err) || took != test.after || !slices.Equal(open.list(), want) {
					t.Errorf("after %v: %v, and open are %v; want %v after %v, and %v", took, err, open.list(), test.err, test.after, want)
				}
				if c, ok := conn.(*openedConn); ok != (err == nil) || ok && c.number != test.conn {
					t.Errorf("connected to %+v", conn)
				}
			})
		})
	}
}

// TestRaceClosesWhatComesLate: of two that answer at the same moment one stays open.
func TestRaceClosesWhatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open opened
		conn, err := race(t.Context(), addressesOf(2), func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
			time.Sleep(time.Second - time.Duration(to.Port())*headStart) // whatever ctx says
			return open.add(int(to.Port())), nil
		})
		synctest.Wait()
		if c, ok := conn.(*openedConn); err != nil || !ok || !slices.Equal(open.list(), []int{c.number}) {
			t.Errorf("connected to %+v: %v; open are %v", conn, err, open.list())
		}
	})
}

// opened counts connections that are open.
type opened struct {
	mu      sync.Mutex
	numbers []int
}

type openedConn struct {
	net.Conn
	number int
	in     *opened
}

func (o *opened) add(number int) net.Conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.numbers = append(o.numbers, number)
	return &openedConn{number: number, in: o}
}

func (c *openedConn) Close() error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.numbers = slices.DeleteFunc(c.in.numbers, func(n int) bool { return n == c.number })
	return nil
}

func (o *opened) list() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.numbers)
}

func addressesOf(n int) []netip.AddrPort {
	list := make([]netip.AddrPort, n)
	for i := range list {
		list[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(i))
	}
	return list
}

func TestAlternate(t *testing.T) {
	const a, b, c, x, y = "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "[2001:db8::1]:1", "[2001:db8::2]:1"
	for _, test := range []struct{ from, want []string }{
		{[]string{x, y, a, b, c}, []string{x, a, y, b, c}},
		{[]string{a, b, x}, []string{a, x, b}},
		{[]string{a, b}, []string{a, b}},
		{[]string{x}, []string{x}},
	} {
		var from []netip.AddrPort
		for _, s := range test.from {
			from = append(from, netip.MustParseAddrPort(s))
		}
		if got := alternate(from); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%v becomes %v, want %v", test.from, got, test.want)
		}
	}
}
