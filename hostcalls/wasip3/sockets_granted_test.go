package wasip3_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/channel"
)

// wire is a component whose functions are given open connections.
const wire = "../../integration/testdata/components/wire.wasm"

// connection is a grant of an open connection under a name.
type connection string

func (connection) Handle() capability.Handle { return capability.SocketHandle }
func (c connection) String() string          { return string(c) }
func (c connection) Open(o capability.Opener) error {
	return o.Connect(capability.Connection{Name: string(c), Address: serverAt})
}

func named(connection string) value.Literal {
	return value.Literal{Form: value.ConnectionForm, Text: connection}
}

func text(s string) value.Literal { return value.Literal{Form: value.TextForm, Text: s} }

// call begins a call of a function with channels, and with connections by the rig's lease.
func (r *rig) call(export string, args []value.Literal, connections ...connection) *run {
	r.t.Helper()
	config := r.config
	config.Call, config.Channels = &abi.FunctionCall{Export: export, Args: args}, channel.New()
	for _, c := range connections {
		config.Grants, config.Leases = append(config.Grants, c), append(config.Leases, r.by)
	}
	set := r.program.Description().Signatures
	number, err := set.Find(export)
	if err != nil {
		r.t.Fatal(err)
	}
	f, err := set.ResolveFunction(number)
	if err != nil {
		r.t.Fatal(err)
	}
	if faults := config.Channels.Open(f.Func, args); len(faults) > 0 {
		r.t.Fatal(faults)
	}
	p := r.begin(&config)
	p.channels = config.Channels
	return p
}

// returns waits for the end of a call that has no streams, and checks what it returned, and that nothing is left.
func (p *run) returns(want string) {
	p.t.Helper()
	<-p.done
	p.channels.Close()
	got := fmt.Sprint(p.err)
	if m, err := p.channels.Next(p.t.Context()); err == nil && m.Value != nil {
		got = literalText(m.Value)
	}
	if !strings.Contains(got, want) {
		p.t.Errorf("%s, want %s", got, want)
	}
	p.left()
}

func literalText(l *value.Literal) string {
	text := l.Text
	if l.Form == value.UintForm {
		text = fmt.Sprint(l.Bits)
	}
	for i := range l.Items {
		text += " " + literalText(&l.Items[i])
	}
	return text
}

func reset(r *rig, _ net.Conn) { r.stack.Reset(netip.MustParseAddrPort(serverAt)) }

// A function has what its arguments name: as a socket that is connected, or as a stream of what comes.
func TestGrantedConnections(t *testing.T) {
	n := newNodeOf(t, wire)
	for _, tt := range []struct {
		name, export string
		args         []value.Literal
		peer         func(*rig, net.Conn)
		want         string
	}{
		{"a socket", "ask", []value.Literal{named("db"), text("ping")}, echo, "ok ping"},
		{"a socket whose peer resets", "ask", []value.Literal{named("db"), text("ping")}, reset, "error connection-"},
		{"a stream", "count", []value.Literal{named("db")}, func(_ *rig, c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("x", 100_000))
			closeWrite(c)
		}, "100000"},
		{"a stream whose peer resets", "count", []value.Literal{named("db")}, reset, `the connection "db", from which a stream comes, has failed`},
		{"a socket that is dropped", "drop", []value.Literal{named("db"), named("other")}, func(r *rig, c net.Conn) { r.gets(c, "", true) }, "<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			l := r.server(serverAt)
			p := r.call(tt.export, tt.args, "db", "other")
			first, second := r.accept(l), r.accept(l)
			defer second.Close()
			tt.peer(r, first)
			p.returns(tt.want)
		})
	}
}

// A connection that is revoked ends what the function does with it, and a function is not called without one.
func TestRevokedConnections(t *testing.T) {
	n := newNodeOf(t, wire)
	for _, tt := range []struct {
		export string
		args   []value.Literal
		want   string
	}{
		{"ask", []value.Literal{named("db"), text("ping")}, "error access-denied"},
		{"count", []value.Literal{named("db")}, "has failed"},
	} {
		r := n.rig(t)
		l := r.server(serverAt)
		p := r.call(tt.export, tt.args, "db")
		r.accept(l)
		p.waits(hostcalls.OpRead)
		r.by.Revoke()
		p.returns(tt.want)
	}
	r := n.rig(t)
	r.server(serverAt)
	r.by.Revoke()
	r.call("count", []value.Literal{named("db")}, "db").returns("it was revoked before the function")
}
