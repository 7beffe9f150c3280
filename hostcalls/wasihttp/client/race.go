package client

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// headStart is how long an address may take to answer before the next one is tried beside it: the Connection Attempt Delay of RFC
// 8305, section 5.
const headStart = 250 * time.Millisecond

// race connects to the address that answers first. Each has a head start before the one after it, unless it fails sooner. If none
// answers, the error is that of the first address to fail, or the cause of ctx.
func race(ctx context.Context, addresses []netip.AddrPort,
	connect func(context.Context, netip.AddrPort) (net.Conn, error),
) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	ctx, end := context.WithCancel(ctx)
	defer end()
	try := func(to netip.AddrPort) {
		conn, err := connect(ctx, to)
		select {
		case results <- result{conn, err}:
		case <-ctx.Done(): // another one was quicker
			if err == nil {
				_ = conn.Close()
			}
		}
	}
	var first error
	next, under := 0, 0
	for next < len(addresses) || under > 0 {
		var turn <-chan time.Time
		if next < len(addresses) {
			go try(addresses[next])
			next, under = next+1, under+1
			turn = time.After(headStart)
		}
		select {
		case r := <-results:
			if r.err == nil {
				return r.conn, nil
			}
			under--
			if first == nil {
				first = r.err
			}
		case <-turn:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, first
}

// alternate orders addresses so that one family follows the other, beginning with that of the first (RFC 8305, section 4): a family
// that leads nowhere costs one head start.
func alternate(addresses []netip.AddrPort) []netip.AddrPort {
	var families [2][]netip.AddrPort
	for _, a := range addresses {
		other := 0
		if a.Addr().Is4() != addresses[0].Addr().Is4() {
			other = 1
		}
		families[other] = append(families[other], a)
	}
	ordered := addresses[:0:0]
	for i := range max(len(families[0]), len(families[1])) {
		for _, family := range families {
			if i < len(family) {
				ordered = append(ordered, family[i])
			}
		}
	}
	return ordered
}
