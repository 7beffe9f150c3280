package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHostName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for text, want := range map[string]string{
		"example.org":        "example.org",
		"EXAMPLE.Org.":       "example.org",
		"a_b.svc":            "a_b.svc",
		"_dns.example.org":   "_dns.example.org",
		"bücher.example":     "xn--bcher-kva.example",
		"BÜCHER.example":     "xn--bcher-kva.example",
		"xn--bcher-kva.eu":   "xn--bcher-kva.eu",
		"straße.de":          "xn--strae-oqa.de",
		"example。org":        "example.org",
		"ｅｘａｍｐｌｅ.org":        "example.org",
		"localhost":          "localhost",
		"1e100.net":          "1e100.net",
		"4.3.2.1.in-addr.eu": "4.3.2.1.in-addr.eu",
		"0xcafe.org":         "0xcafe.org",
		long + "." + long:    long + "." + long,
	} {
		if got, err := HostName(text); got != want || err != nil {
			t.Errorf("HostName(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ".", "..", "a..b", ".a", "-a.org", "a-.org", "a b", "a\x00b", "a/b", "a:80", "a@b", "*.example.org", "a%eth0",
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f.0.0.1",
		"0x7f000001", "0X7F.1", "1.2.3.4.5", "256.1.1.1", "01.02.03.04", "1.2.3.0x", "１２７.0.0.1", "127。0。0。1", "①②⑦.1",
		"::1", "[::1]", "::ffff:127.0.0.1", "fe80::1%eth0", long + "a.org",
		strings.TrimSuffix(strings.Repeat(long+".", 4), "."), strings.Repeat("a", 100_000), "\xff.org", "xn--a.org", "xn--\x80",
	} {
		var refused *NameError
		if got, err := HostName(text); !errors.As(err, &refused) {
			t.Errorf("HostName(%.40q) = %q, %v; want a *NameError", text, got, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("HostName(%.40q): the error has %d bytes", text, len(err.Error()))
		}
	}
}

func FuzzHostName(f *testing.F) {
	for _, seed := range []string{"example.org", "bücher.example.", "0x7f.1", "１２７.1", "a\u00ad.b", "xn--zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := HostName(text)
		if err != nil {
			return
		}
		if again, err := HostName(name); again != name || err != nil {
			t.Errorf("HostName(%q) = %q, and of that %q, %v", text, name, again, err)
		}
		if _, ok := Literal(name); ok {
			t.Errorf("HostName(%q) = %q, which is an address", text, name)
		}
	})
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::1": "::1", "::ffff:127.0.0.1": "127.0.0.1", "::FFFF:7f00:1": "127.0.0.1", "2001:DB8::1": "2001:db8::1",
	} {
		if got, ok := Literal(text); !ok || got != netip.MustParseAddr(want) {
			t.Errorf("Literal(%q) = %v, %v; want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "127.0.0.01", "127.0.0.1.", "fe80::1%eth0", "[::1]", "::ffff:0x7f.1", "localhost"} {
		if got, ok := Literal(text); ok {
			t.Errorf("Literal(%q) = %v, want none", text, got)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var a answers
	kept, dropped := netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("10.8.8.8")
	a.add("dropped", dropped)
	a.add("kept", kept)
	a.add("alias", kept)
	for i := range maxAnswers - 2 {
		a.add("kept", kept) // the latest again and again
		a.add("alias", kept)
		a.add(fmt.Sprint(i), netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if names := a.names(kept); !slices.Equal(names, []string{"kept", "alias"}) {
		t.Errorf("names of what was looked up last: %q", names)
	}
	if names := a.names(dropped); names != nil || len(a) != maxAnswers {
		t.Errorf("%d answers, of them %q, want %d without the oldest", len(a), names, maxAnswers)
	}
}

func TestRecentPeersAreBounded(t *testing.T) {
	var r recentPeers
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(i)) }
	for i := range maxPeers + 10 {
		r.add(at(i))
		r.add(at(i))
	}
	if r.has(at(9)) || !r.has(at(10)) || !r.has(at(maxPeers+9)) || len(r.known) != maxPeers || len(r.ring) != maxPeers {
		t.Errorf("the last %d of %d are not what it has: %d, %d", maxPeers, maxPeers+10, len(r.known), len(r.ring))
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		family Family
		in     string
		want   string // empty: refused
	}{
		{IPv4, "127.0.0.1:80", "127.0.0.1:80"},
		{IPv4, "[::ffff:127.0.0.1]:80", "127.0.0.1:80"},
		{IPv4, "[::1]:80", ""},
		{IPv6, "[::1]:80", "[::1]:80"},
		{IPv6, "[::ffff:127.0.0.1]:80", ""},
		{IPv6, "127.0.0.1:80", ""},
		{IPv6, "[fe80::1%1]:80", ""},
		{AnyFamily, "[::ffff:127.0.0.1]:80", "127.0.0.1:80"},
	} {
		got, err := canonical(c.family, netip.MustParseAddrPort(c.in))
		if c.want == "" && err == nil || c.want != "" && got != netip.MustParseAddrPort(c.want) {
			t.Errorf("canonical(%d, %s) = %v, %v; want %q", c.family, c.in, got, err, c.want)
		}
	}
	if _, err := canonical(IPv4, netip.AddrPort{}); err == nil {
		t.Error("canonical allows no address")
	}
}

func TestBucket(t *testing.T) {
	start := time.Unix(0, 0)
	type step struct {
		after time.Duration // since the start
		want  int           // available
		take  int
		next  time.Duration // readyAt, since the start; 0 is now
	}
	for name, c := range map[string]struct {
		rate  uint64
		steps []step
	}{
		"burst, then a quantum at a time": {1000, []step{
			{0, 100, 100, 10*time.Millisecond + 1},
			{5 * time.Millisecond, 0, 0, 10*time.Millisecond + 1},
			{11 * time.Millisecond, 11, 11, 21*time.Millisecond + 1},
			{time.Hour, 100, 0, 0},
		}},
		"a datagram that it owes": {1000, []step{
			{0, 100, 1100, time.Second + 10*time.Millisecond + 1},
			{time.Second, 0, 0, time.Second + 10*time.Millisecond + 1},
			{2 * time.Second, 100, 0, 0},
		}},
		"a byte per second": {1, []step{
			{0, 1, 1, time.Second + 1},
			{time.Second + 1, 1, 0, 0},
		}},
		"a clock that goes back": {1000, []step{
			{time.Second, 100, 100, time.Second + 10*time.Millisecond + 1},
			{0, 0, 0, 10*time.Millisecond + 1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := bucketOf(c.rate, start)
			for _, s := range c.steps {
				now := start.Add(s.after)
				if got := b.available(now); got != s.want {
					t.Errorf("at %v: %d available, want %d", s.after, got, s.want)
				}
				b.take(s.take)
				want := time.Time{}
				if s.next != 0 {
					want = start.Add(s.next)
				}
				if got := b.readyAt(now); got.Sub(want).Abs() > time.Microsecond {
					t.Errorf("at %v: ready at %v, want %v", s.after, got, want)
				}
			}
		})
	}
}

// Whoever takes what there is whenever it is ready gets the rate, and what a tenth of a second holds at the beginning.
func TestBucketHoldsTheRate(t *testing.T) {
	for _, rate := range []uint64{1, 7, 1000, 123_457, 1 << 30, 1 << 50} {
		now := time.Unix(0, 0)
		b := bucketOf(rate, now)
		total, wakes := 0, 0
		for end := now.Add(10 * time.Second); now.Before(end); {
			n := b.available(now)
			b.take(n)
			total += n
			if at := b.readyAt(now); at.After(now) {
				now = at
				wakes++
			}
		}
		least, most := 10*float64(rate)*0.98-1, 10.1*float64(rate)*1.001+2
		if float64(total) < least || float64(total) > most || wakes > 1010 {
			t.Errorf("rate %d: %d bytes in 10 s with %d wakes", rate, total, wakes)
		}
	}
}

func TestTrafficLimits(t *testing.T) {
	traffic := NewTraffic(nil, TrafficLimits{Sent: 10})
	out, in := &traffic.flows[Out], &traffic.flows[In]
	if n, err := out.admit(8); n != 8 || err != nil {
		t.Errorf("admit(8) = %d, %v", n, err)
	}
	out.count(8)
	if n, err := out.admit(8); n != 2 || err != nil {
		t.Errorf("admit(8) of 2 = %d, %v", n, err)
	}
	if err := out.admitWhole(3); !errors.Is(err, ErrQuota) {
		t.Errorf("admitWhole(3) of 2: %v", err)
	}
	if err := out.admitWhole(2); err != nil {
		t.Errorf("admitWhole(2) of 2: %v", err)
	}
	out.count(2)
	if n, err := out.admit(1); n != 0 || !errors.Is(err, ErrQuota) {
		t.Errorf("admit(1) of 0 = %d, %v", n, err)
	}
	if n, err := in.admit(1 << 40); n != 1<<40 || err != nil {
		t.Errorf("the other direction: %d, %v", n, err)
	}
	if traffic.Sent() != 10 || traffic.Received() != 0 {
		t.Errorf("sent %d, received %d", traffic.Sent(), traffic.Received())
	}
	limited := NewTraffic(nil, TrafficLimits{BytesPerSecond: 1000})
	limited.flows[In].count(100)
	if n, err := limited.flows[In].admit(100); n > 90 || n == 0 && !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("beyond the rate: %d, %v", n, err)
	}
}

func TestLanes(t *testing.T) {
	for name, want := range map[string]string{
		"localhost": "localhost", "example.org": "example.org", "a.example.org": "example.org", "a.b.example.org": "example.org", "org": "org",
	} {
		if got := domainOf(name); got != want {
			t.Errorf("%s is of %s, want %s", name, got, want)
		}
	}
	if first, again := laneOf(hostcalls.OpResolve, "t", "a.org"), laneOf(hostcalls.OpResolve, "t", "a.org"); first != again {
		t.Error("a domain has two lanes")
	}
	if laneOf(hostcalls.OpResolve, "t", "a.org") == laneOf(hostcalls.OpResolve, "t", "b.org") || laneOf(hostcalls.OpResolve, "t", "a") == laneOf(hostcalls.OpHandshake, "t", "a") ||
		laneOf(hostcalls.OpResolve, "t", "a.org") == laneOf(hostcalls.OpResolve, "u", "a.org") {
		t.Error("two share a lane")
	}
}
