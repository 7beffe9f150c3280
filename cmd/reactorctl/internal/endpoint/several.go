package endpoint

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// dnsScheme begins an address whose name leads to several daemons.
const dnsScheme = "dns:///"

const (
	// lookupTime bounds the lookup of such a name.
	lookupTime = 10 * time.Second
	// maxTried is how many of its addresses are tried.
	maxTried = 8
)

// choose chooses one of the daemons that the address's name leads to, at random among those that are there. All calls of
// a command go to it. Rejected: a balancer for each call, such as gRPC's round_robin. The daemons know nothing of each other,
// so a module that was pushed to one could not be submitted to the next.
func (e *Endpoint) choose() error {
	if err := checkAddress(e.Address); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return fmt.Errorf("the daemons at %s%s: %w", dnsScheme, e.Address, err)
	}
	if e.tls != nil && e.tls.ServerName == "" {
		e.tls.ServerName = host
	}
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	for _, ip := range found[:min(len(found), maxTried)] {
		if e.Address = net.JoinHostPort(ip, port); e.listens() {
			return nil
		}
	}
	return nil // the first call says what is wrong
}
