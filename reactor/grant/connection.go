package grant

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/text"
	"github.com/reactord/reactord/reactor/policy"
)

// Connection gives the guest one open connection.
type Connection struct {
	// Address is HOST:PORT; or "workload:ID" or "workload:ID/NAME", a listener of another workload.
	Address string
	// Name is for the guest.
	Name string `json:",omitempty"`
	// TLS has the daemon speak TLS; nil: it does not.
	TLS *TLS `json:",omitempty"`
	// Accept has the daemon listen at the address, and take the first connection that comes.
	Accept bool `json:",omitempty"`
}

// TLS says how the daemon speaks TLS on a connection, as a client. CA, Certificate and Key are references to PEM files or
// variables of the daemon.
type TLS struct {
	ServerName  string   `json:",omitempty"`
	CA          string   `json:",omitempty"`
	Certificate string   `json:",omitempty"`
	Key         string   `json:",omitempty"`
	ALPN        []string `json:",omitempty"`
}

// Kind implements Grant.
func (Connection) Kind() string { return "connection" }

// String implements capability.Grant.
func (c Connection) String() string {
	if c.Accept {
		return fmt.Sprintf("connection accepted at %q", c.Address)
	}
	return fmt.Sprintf("connection to %q", c.Address)
}

// Flag implements Grant.
func (c Connection) Flag() (name, value string) {
	value = named(c.Name) + c.Address
	if c.TLS != nil {
		value += ",tls" + c.TLS.options()
	}
	if c.Accept {
		value += ",accept"
	}
	return "connect", value
}

func (t *TLS) options() string {
	var b strings.Builder
	for _, o := range []struct{ name, value string }{
		{"server-name", t.ServerName}, {"ca", t.CA}, {"cert", t.Certificate}, {"key", t.Key}, {"alpn", strings.Join(t.ALPN, ":")},
	} {
		if o.value != "" {
			b.WriteString("," + o.name + "=" + o.value)
		}
	}
	return b.String()
}

func (c Connection) check(v *validation) {
	v.name(c.Name)
	peer, joins := strings.CutPrefix(c.Address, forWorkloads+":")
	switch {
	case joins:
		c.checkPeer(v, peer)
	case c.Accept:
		v.address(c.Address, 0)
	default:
		v.address(c.Address, 1)
		c.checkUnicast(v)
	}
	if c.Accept && c.TLS != nil {
		v.add("accept", "TLS is spoken as a client only, and an accepted connection would need a server: leave out one of the two")
	}
	if c.TLS != nil {
		c.TLS.check(v)
	}
}

// checkUnicast checks that one machine has the address. Connecting to others fails as if the network were gone for now.
func (c Connection) checkUnicast(v *validation) {
	host, _ := hostPort(c.Address)
	if addr, ok := network.Literal(host); ok && (addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
		v.add("address", "%v is the address of many: there is no connection to it", addr)
	}
}

// checkPeer checks ID or ID/NAME, the listener of another workload.
func (c Connection) checkPeer(v *validation, peer string) {
	id, name, named := strings.Cut(peer, "/")
	if !isToken(id, maxWorkloadID) {
		v.add("address", "%q is not workload:ID or workload:ID/NAME", c.Address)
	} else if named && !isToken(name, maxName) {
		v.add("address", "%q is not the name of a listener: letters, digits and \"._-\", %d at most, are allowed", name, maxName)
	}
	if c.TLS != nil {
		v.add("tls", "TLS is not spoken between workloads: what they send each other does not leave the daemon")
	}
	if c.Accept {
		v.add("accept", "the other workload accepts: leave it out")
	}
}

const (
	maxALPN          = 16
	maxALPNBytes     = 255
	maxReferenceSize = 4096
)

func (t *TLS) check(v *validation) {
	if t.ServerName != "" {
		v.host("tls.server_name", t.ServerName)
	}
	v.reference("tls.ca", t.CA)
	v.reference("tls.certificate", t.Certificate)
	v.reference("tls.key", t.Key)
	if (t.Certificate == "") != (t.Key == "") {
		field := "tls.key"
		if t.Certificate == "" {
			field = "tls.certificate"
		}
		v.add(field, "a certificate and its key are given together")
	}
	if len(t.ALPN) > maxALPN {
		v.add("tls.alpn", "%d protocols are more than the %d allowed", len(t.ALPN), maxALPN)
		return
	}
	for _, protocol := range t.ALPN {
		if protocol == "" || len(protocol) > maxALPNBytes {
			v.add("tls.alpn", "a protocol has 1 to %d bytes", maxALPNBytes)
		}
		text.Check(v.faults, v.path+".tls.alpn", protocol, maxALPNBytes)
	}
}

func (c Connection) authorize(ctx context.Context, rules Rules, path string) error {
	host, port := hostPort(c.Address)
	switch {
	case strings.HasPrefix(c.Address, forWorkloads+":"): // the other workload has to listen for it
		return nil
	case c.Accept && !rules.Allow.MayListen(host, port):
		return denied(c.String(), path+".address", policy.ErrListen)
	case !c.Accept && !rules.Allow.MayConnect(host, port):
		return denied(c.String(), path+".address", policy.ErrConnect)
	}
	if to, literal := network.Literal(host); literal && !c.Accept {
		if err := rules.RefuseOwn(netip.AddrPortFrom(to, port)); err != nil {
			return denied(c.String(), path+".address", err)
		}
	}
	if c.TLS == nil {
		return nil
	}
	for _, r := range []struct{ field, ref string }{{"ca", c.TLS.CA}, {"certificate", c.TLS.Certificate}, {"key", c.TLS.Key}} {
		if r.ref == "" {
			continue
		}
		if err := lookUp(ctx, rules.LookUpSecret, r.ref, fmt.Sprintf("%v: %q", c, r.ref), path+".tls."+r.field); err != nil {
			return err
		}
	}
	return nil
}

// Handle implements capability.Grant.
func (Connection) Handle() capability.Handle { return capability.SocketHandle }

// Open implements capability.Grant.
func (c Connection) Open(o capability.Opener) error {
	connection := capability.Connection{Name: cmp.Or(c.Name, "connection"), Address: c.Address, Accept: c.Accept}
	if t := c.TLS; t != nil {
		host, _, _ := net.SplitHostPort(c.Address)
		connection.TLS = &capability.TLS{
			ServerName: cmp.Or(t.ServerName, host), ALPN: t.ALPN,
			CA: capability.Reference(t.CA), Certificate: capability.Reference(t.Certificate), Key: capability.Reference(t.Key),
		}
	}
	return o.Connect(connection)
}

func (Connection) trouble(err error) retry.Trouble { return retry.OfNetwork(err) }
