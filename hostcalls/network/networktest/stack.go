package networktest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/reactord/reactord/hostcalls/network"
)

// Stack is a network in memory with one host, which has every address.
type Stack struct {
	mu       sync.Mutex // guards everything, sockets included
	tcp      map[netip.AddrPort]*tcp
	udp      map[netip.AddrPort]*udp
	ports    uint16 // the last one that was chosen
	faults   map[netip.AddrPort]Faults
	answers  map[string][]Answer
	families map[network.Family]bool
	capacity int
}

// DefaultCapacity is how many bytes a connection holds in each direction that have not been read.
const DefaultCapacity = 64 << 10

// New makes a Stack. It knows one name, localhost.
func New() *Stack {
	return &Stack{
		tcp: map[netip.AddrPort]*tcp{}, udp: map[netip.AddrPort]*udp{}, ports: firstPort - 1,
		faults: map[netip.AddrPort]Faults{},
		answers: map[string][]Answer{
			"localhost": {{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}}},
		},
		families: map[network.Family]bool{network.IPv4: true, network.IPv6: true},
		capacity: DefaultCapacity,
	}
}

// Faults are what is wrong with an address. The zero value is nothing.
type Faults struct {
	Refuse   bool // connections to it are refused
	Hang     bool // connections to it are never answered
	Full     bool // it has no room for what is written to it: it does not read
	MaxRead  int  // one Read returns so many bytes at most, on both sides; zero is any number
	MaxWrite int  // one Write accepts so many bytes at most, on both sides; zero is any number
	// ResetAfter resets a connection once so many bytes have been written to it, in both directions together; zero never.
	ResetAfter int
	Lose       bool // datagrams to it are lost
	MaxSize    int  // longer datagrams to it arrive truncated; zero is none
}

// Fail makes connections and datagrams to an address fail from now on. Full and Lose also change those that there are.
func (s *Stack) Fail(at netip.AddrPort, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[at] = f
	for _, c := range s.connectionsTo(at) {
		c.tell()
	}
}

// SetCapacity sets how many unread bytes new connections hold in each direction.
func (s *Stack) SetCapacity(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capacity = n
}

// RemoveFamily makes the stack one without a family.
func (s *Stack) RemoveFamily(f network.Family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.families, f)
}

// Answer is what a lookup of a name returns: addresses, an error, or nothing until its context ends.
type Answer struct {
	Addrs []netip.Addr
	Err   error
	Hang  bool
}

// Name sets the answers that lookups of a name get, one after the other; the last one remains.
func (s *Stack) Name(name string, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[name] = answers
}

// Lookup implements network.Stack.
func (s *Stack) Lookup(ctx context.Context, family network.Family, name string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTimeout: true}
	}
	a, ok := s.answer(name)
	switch {
	case !ok:
		return nil, notFound(name)
	case a.Hang:
		<-ctx.Done()
		return nil, &net.DNSError{Err: ctx.Err().Error(), Name: name, IsTimeout: true}
	case a.Err != nil:
		return nil, a.Err
	}
	var addrs []netip.Addr
	for _, addr := range a.Addrs {
		if family == network.AnyFamily || (family == network.IPv4) == addr.Is4() {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, notFound(name)
	}
	return addrs, nil
}

func (s *Stack) answer(name string) (a Answer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.answers[name]
	if len(list) == 0 {
		return a, false
	}
	if len(list) > 1 {
		s.answers[name] = list[1:]
	}
	return list[0], true
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// TCP implements network.Stack.
func (s *Stack) TCP(family network.Family) (network.TCP, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.families[family] {
		return nil, syscall.EAFNOSUPPORT
	}
	return s.newTCP(family), nil
}

// UDP implements network.Stack.
func (s *Stack) UDP(family network.Family) (network.UDP, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.families[family] {
		return nil, syscall.EAFNOSUPPORT
	}
	return &udp{base: base{stack: s, family: family, options: defaultOptions()}}, nil
}

// Storm makes n connections to an address at once, and returns those that have been accepted or wait for it.
func (s *Stack) Storm(at netip.AddrPort, n int) []network.TCP {
	var made []network.TCP
	for range n {
		family := network.IPv4
		if at.Addr().Is6() {
			family = network.IPv6
		}
		c, err := s.TCP(family)
		if err != nil {
			return made
		}
		_ = c.Connect(at)
		made = append(made, c)
	}
	return made
}

// Reset resets every connection to an address, as if a router on the way had lost its state.
func (s *Stack) Reset(at netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.connectionsTo(at) {
		c.reset()
	}
}
