package render

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/reactord/reactord/cmd/internal/table"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// grantsOf describes a workload's grants, and says which were revoked.
func grantsOf(w *reactorv1.Workload) []string {
	texts := make([]string, len(w.GetSpec().GetGrants()))
	for i, g := range w.GetSpec().GetGrants() {
		texts[i] = Grant(g)
	}
	for _, i := range w.GetStatus().GetRevokedGrants() {
		if int(i) < len(texts) {
			texts[i] += " (revoked)"
		}
	}
	return texts
}

// Grant is a grant as all commands show it and `revoke` takes it, KIND:VALUE in the words of the flag that gives it.
func Grant(g *reactorv1.Grant) string {
	kind, value := flagOf(g)
	if kind == "" {
		return "a grant that this reactorctl does not know"
	}
	return kind + ":" + value
}

// OpGrant is the grant that an operation uses, in the form of Grant. The daemon tells it as a flag, "--KIND VALUE".
func OpGrant(op *reactorv1.Op) string {
	return strings.Replace(strings.TrimPrefix(op.GetGrant(), "--"), " ", ":", 1)
}

// GrantNames are the short names of a grant: KIND and how the guest knows it, if it knows it by a name.
func GrantNames(g *reactorv1.Grant) []string {
	switch g := g.GetGrant().(type) {
	case *reactorv1.Grant_Directory:
		return []string{"dir:" + g.Directory.GetGuestPath(), "dir:" + g.Directory.GetHostPath()}
	case *reactorv1.Grant_Listener:
		address := g.Listener.GetAddress()
		return []string{"listen:" + g.Listener.GetName(), "listen:" + address, "listen:" + protocol(g.Listener.GetProtocol()) + address}
	case *reactorv1.Grant_Connection:
		return []string{"connect:" + g.Connection.GetName(), "connect:" + g.Connection.GetAddress()}
	case *reactorv1.Grant_Secret:
		return []string{"secret:" + g.Secret.GetName()}
	case *reactorv1.Grant_Link:
		return []string{"link:" + g.Link.GetInterface()}
	default:
		return nil
	}
}

// Grants is a table of grants and of what became of them.
func Grants(list []*reactorv1.GrantStatus) List {
	all := List{Columns: []table.Column{
		{Title: "NO", Right: true}, {Title: "GRANT", Least: 20}, {Title: "STATE"}, {Title: "OPEN", Right: true},
	}}
	for i, g := range list {
		state, open := "granted", ""
		if t := g.GetRevokeTime(); t != nil {
			state = "revoked " + age(t) + " ago"
		}
		if n := g.GetDescriptors(); n > 0 {
			open = comma(uint64(n))
		}
		all.Rows = append(all.Rows, table.Cells(fmt.Sprint(i), Grant(g.GetGrant()), state, open))
	}
	return all
}

// Refused is a table of what a workload tried without a grant, or without the operator's leave.
func Refused(list []*reactorv1.RefusedAccess) List {
	all := List{Columns: []table.Column{
		{Title: "TRIED"}, {Title: "TARGET", Least: 20}, {Title: "TIMES", Right: true}, {Title: "FIRST"}, {Title: "LACKS"},
	}}
	for _, a := range list {
		kind := strings.ToLower(strings.TrimPrefix(a.GetKind().String(), "OP_KIND_"))
		target := protocol(a.GetProtocol()) + a.GetTarget()
		if name := a.GetName(); name != "" {
			target += " (" + name + ")"
		}
		lacks := "a grant"
		if a.GetForbidden() {
			lacks = "leave of the operator"
		}
		all.Rows = append(all.Rows, table.Cells(kind, target, comma(a.GetCount()), age(a.GetFirstTime())+" ago", lacks))
	}
	return all
}

// RefusedBriefly says in a few words what a workload was refused, first of that what a grant would have allowed.
func RefusedBriefly(g *reactorv1.GetGrantsResponse) string {
	first, more := g.GetRefused()[0], len(g.GetRefused())-1
	if i := slices.IndexFunc(g.GetRefused(), func(a *reactorv1.RefusedAccess) bool { return !a.GetForbidden() }); i >= 0 {
		first = g.GetRefused()[i]
	}
	why := "for want of a grant: "
	if first.GetForbidden() {
		why = "by the operator, whatever is granted: "
	}
	text := why + opKind(first.GetKind()) + " " + protocol(first.GetProtocol()) + first.GetTarget()
	switch {
	case g.GetRefusedMore():
		return fmt.Sprintf("%s and more than %d others", text, more)
	case more > 0:
		return fmt.Sprintf("%s and %s", text, count(uint64(more), "other"))
	}
	return text
}

// GrantFlags are the flags that give grants, for a shell.
func GrantFlags(list []*reactorv1.Grant) string {
	var words []string
	for _, g := range list {
		kind, value := flagOf(g)
		if kind == "" {
			continue
		}
		quoted, err := syntax.Quote(value, syntax.LangPOSIX)
		if err != nil {
			quoted = value // it has bytes that no shell takes, and no grant has them
		}
		words = append(words, "--"+kind, quoted)
	}
	return strings.Join(words, " ")
}

// flagOf returns the flag that gives a grant, and its value; nothing for a kind that this reactorctl does not know.
func flagOf(g *reactorv1.Grant) (kind, value string) {
	switch g := g.GetGrant().(type) {
	case *reactorv1.Grant_Directory:
		value := g.Directory.GetHostPath() + ":" + g.Directory.GetGuestPath()
		if g.Directory.GetReadOnly() {
			value += ":ro"
		}
		return "dir", value
	case *reactorv1.Grant_Listener:
		return "listen", named(g.Listener.GetName()) + protocol(g.Listener.GetProtocol()) + g.Listener.GetAddress()
	case *reactorv1.Grant_Connection:
		return "connect", connection(g.Connection)
	case *reactorv1.Grant_Dial:
		return "dial", protocol(g.Dial.GetProtocol()) + g.Dial.GetPattern()
	case *reactorv1.Grant_Resolve:
		return "resolve", g.Resolve.GetPattern()
	case *reactorv1.Grant_Http:
		value := g.Http.GetOrigin() + g.Http.GetPathPrefix()
		if methods := g.Http.GetMethods(); len(methods) > 0 {
			value = strings.Join(methods, ",") + " " + value
		}
		return "http", value
	case *reactorv1.Grant_Secret:
		return "secret", g.Secret.GetName() + "=" + g.Secret.GetRef()
	case *reactorv1.Grant_Link:
		return "link", g.Link.GetInterface() + "=workload:" + g.Link.GetWorkload()
	default:
		return "", ""
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
	if u.GetSentBytes()+u.GetReceivedBytes()+l.GetSentBytes()+l.GetReceivedBytes()+l.GetBytesPerSecond() == 0 {
		return ""
	}
	of := func(used, limit uint64) string {
		if limit == 0 {
			return Size(used)
		}
		return Size(used) + " of " + Size(limit)
	}
	text := fmt.Sprintf("sent %s, received %s", of(u.GetSentBytes(), l.GetSentBytes()), of(u.GetReceivedBytes(), l.GetReceivedBytes()))
	if rate := l.GetBytesPerSecond(); rate > 0 {
		text += ", " + Size(rate) + "/s at most"
	}
	return text
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
