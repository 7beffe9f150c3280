package render

import (
	"fmt"
	"strings"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// grants describes grants in the words of the flags that give them.
func grants(list []*reactorv1.Grant) []string {
	texts := make([]string, len(list))
	for i, g := range list {
		texts[i] = grant(g)
	}
	return texts
}

func grant(g *reactorv1.Grant) string {
	switch g := g.GetGrant().(type) {
	case *reactorv1.Grant_Directory:
		text := "dir " + g.Directory.GetHostPath() + ":" + g.Directory.GetGuestPath()
		if g.Directory.GetReadOnly() {
			text += ":ro"
		}
		return text
	case *reactorv1.Grant_Listener:
		return "listen " + named(g.Listener.GetName()) + protocol(g.Listener.GetProtocol()) + g.Listener.GetAddress()
	case *reactorv1.Grant_Connection:
		return "connect " + connection(g.Connection)
	case *reactorv1.Grant_Dial:
		return "dial " + protocol(g.Dial.GetProtocol()) + g.Dial.GetPattern()
	case *reactorv1.Grant_Resolve:
		return "resolve " + g.Resolve.GetPattern()
	case *reactorv1.Grant_Http:
		text := "http "
		if methods := g.Http.GetMethods(); len(methods) > 0 {
			text += strings.Join(methods, ",") + " "
		}
		return text + g.Http.GetOrigin() + g.Http.GetPathPrefix()
	case *reactorv1.Grant_Secret:
		return "secret " + g.Secret.GetName() + "=" + g.Secret.GetRef()
	default:
		return "a grant that this reactorctl does not know"
	}
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return name + "="
}

func protocol(p reactorv1.TransportProtocol) string {
	if p == reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP {
		return "udp:"
	}
	return ""
}

func connection(c *reactorv1.ConnectionGrant) string {
	text := named(c.GetName()) + c.GetAddress()
	if t := c.GetTls(); t != nil {
		text += ",tls"
		for _, o := range []struct{ name, value string }{
			{"server-name", t.GetServerName()}, {"ca", t.GetCa()}, {"cert", t.GetCertificate()}, {"key", t.GetKey()},
			{"alpn", strings.Join(t.GetAlpn(), ":")},
		} {
			if o.value != "" {
				text += "," + o.name + "=" + o.value
			}
		}
	}
	if c.GetAccept() {
		text += ",accept"
	}
	return text
}

// traffic describes what was sent and received, of how much; empty if nothing was.
func traffic(u *reactorv1.Usage, l *reactorv1.Limits) string {
	if u.GetSentBytes() == 0 && u.GetReceivedBytes() == 0 {
		return ""
	}
	of := func(used, limit uint64) string {
		if limit == 0 {
			return Size(used)
		}
		return Size(used) + " of " + Size(limit)
	}
	return fmt.Sprintf("sent %s, received %s", of(u.GetSentBytes(), l.GetSentBytes()), of(u.GetReceivedBytes(), l.GetReceivedBytes()))
}

// networkLimits describes the limits of the network, after other limits.
func networkLimits(l *reactorv1.Limits) string {
	var b strings.Builder
	if n := l.GetConnections(); n > 0 {
		fmt.Fprintf(&b, ", connections %d", n)
	}
	for _, o := range []struct {
		name  string
		bytes uint64
		unit  string
	}{{"sent", l.GetSentBytes(), ""}, {"received", l.GetReceivedBytes(), ""}, {"rate", l.GetBytesPerSecond(), "/s"}} {
		if o.bytes > 0 {
			b.WriteString(", " + o.name + " " + Size(o.bytes) + o.unit)
		}
	}
	return b.String()
}
