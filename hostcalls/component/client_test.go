package component

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	chans "github.com/reactord/reactord/hostcalls/channel"
)

// clientTest is a call by a client, of a function with one parameter, which is channel 1.
type clientTest struct {
	testing.TB
	*chans.Exchange
	process *Process
	ended   chan struct{}
	err     error
}

func (n *node) callAsClient(p *Program, export string) *clientTest {
	n.Helper()
	c := &clientTest{TB: n, Exchange: chans.New(), ended: make(chan struct{})}
	args := []value.Literal{{Form: value.ChannelForm, Bits: 1}}
	if faults := c.Open(p.lifts[p.exports[export]].plan.Func, args); len(faults) > 0 {
		n.Fatal(faults)
	}
	process, err := p.NewProcess(&abi.Config{Driver: n.executor.Driver(), Channels: c.Exchange, Call: &abi.FunctionCall{Export: export, Args: args}})
	if err != nil {
		n.Fatal(err)
	}
	c.process = process.(*Process)
	if _, err := n.executor.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(_ abi.Exit, err error) { c.err = err }),
		Done: func(*executor.Task) {
			c.Close()
			close(c.ended)
		},
	}); err != nil {
		n.Fatal(err)
	}
	return c
}

// next returns the next message that is no window.
func (c *clientTest) next() (m chans.Message, err error) {
	for {
		if m, err = c.Next(context.Background()); err != nil || m.Kind != chans.Window {
			return m, err
		}
	}
}

// rest reads what a client gets, until the call has ended.
func (c *clientTest) rest() (data []byte, texts []string) {
	c.Helper()
	for {
		m, err := c.next()
		if errors.Is(err, io.EOF) {
			<-c.ended
			return data, texts
		}
		if err != nil {
			c.Fatal(err)
		}
		data = append(data, m.Bytes...)
		for _, v := range m.Values {
			texts = append(texts, v.Text)
		}
		if m.Kind == chans.Future && m.Value != nil {
			texts = append(texts, m.Value.Text)
		}
		if m.Kind == chans.Items {
			c.send(c.Window(m.Channel, uint64(len(m.Values)+len(m.Bytes)), 1<<20))
		}
	}
}

func (c *clientTest) send(faults []value.Fault) {
	c.Helper()
	if len(faults) > 0 {
		c.Fatal(faults)
	}
}

func (c *clientTest) wantEnd(n *node) {
	c.Helper()
	<-c.ended
	if c.err != nil {
		c.Error(c.err)
	}
	n.wantNothing(&c.process.Store)
}

// A component may return the stream or future that its client has given it.
func TestHandedBack(t *testing.T) {
	n := newNode(t, Config{})
	p := n.load("back")
	long := strings.Repeat("x", 10_000)
	for _, tt := range []struct {
		export string
		send   func(c *clientTest)
		data   int
		texts  []string
	}{
		{"bytes", func(c *clientTest) {
			c.send(c.Bytes(1, make([]byte, 60_000)))
			c.send(c.End(1))
		}, 60_000, nil},
		{"texts", func(c *clientTest) {
			c.send(c.Values(1, []value.Literal{text("one"), text(long)}))
			c.send(c.Values(1, []value.Literal{text("two")}))
			c.send(c.End(1))
		}, 0, []string{"one", long, "two"}},
		{"nothings", func(c *clientTest) {
			none := value.Literal{Form: value.TupleForm}
			c.send(c.Values(1, []value.Literal{none, none, none}))
			c.send(c.End(1))
		}, 0, []string{"", "", ""}},
		{"promise", func(c *clientTest) { c.send(c.Value(1, new(text("kept")))) }, 0, []string{"kept"}},
		{"nested", func(c *clientTest) {
			c.send(c.Values(1, []value.Literal{{Form: value.ChannelForm, Bits: 2}}))
			c.send(c.Values(2, []value.Literal{text("inner")}))
			c.send(c.End(2))
			c.send(c.End(1))
		}, 0, []string{"", "inner"}},
	} {
		t.Run(tt.export, func(t *testing.T) {
			c := n.callAsClient(p, tt.export)
			tt.send(c)
			data, texts := c.rest()
			if len(data) != tt.data || strings.Join(texts, ",") != strings.Join(tt.texts, ",") {
				t.Errorf("%d bytes, %d texts: %.100q, want %d, %.100q", len(data), len(texts), texts, tt.data, tt.texts)
			}
			c.wantEnd(n)
		})
	}
}

// What a client does not read waits in its channel and in the relay, and the rest with its writer: no item is lost when both have
// ended.
func TestHandedBackToSlowClient(t *testing.T) {
	n := newNode(t, Config{})
	c := n.callAsClient(n.load("back"), "bytes")
	sent := bytes.Repeat([]byte("0123456789abcdef"), chans.WindowBytes/16)
	c.send(c.Bytes(1, sent))
	m, err := c.next()
	if err != nil || m.Kind != chans.Result {
		t.Fatalf("%+v, %v", m, err)
	}
	for allowed, all := 0, 3*len(sent); allowed < all; {
		m, err := c.Next(t.Context())
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Kind == chans.Window && m.Channel == 1:
			allowed += m.Size
			c.send(c.Bytes(1, make([]byte, min(m.Size, all-allowed+m.Size))))
		case m.Kind == chans.Items:
			c.send(c.Window(m.Channel, uint64(len(m.Bytes)), uint64(len(m.Bytes))))
		}
	}
	c.send(c.End(1))
	c.rest()
	c.wantEnd(n)
}

// A cancel of a call that has returned ends its streams: a component that writes or reads them is told, and the call ends.
func TestCancelAfterReturn(t *testing.T) {
	n := newNode(t, Config{})
	for _, export := range []string{"hold", "bytes", "texts", "promise"} {
		t.Run(export, func(t *testing.T) {
			c := n.callAsClient(n.load("back"), export)
			if m, err := c.next(); err != nil || m.Kind != chans.Result {
				t.Fatalf("%+v, %v", m, err)
			}
			c.Cancel()
			c.rest()
			c.wantEnd(n)
		})
	}
}

// A component that opens more channels than a client may have open traps.
func TestTooManyChannels(t *testing.T) {
	n := newNode(t, Config{})
	c := n.callAsClient(n.load("back"), "nested")
	for id := uint64(2); ; id++ {
		inner := []value.Literal{{Form: value.ChannelForm, Bits: id}}
		for len(c.Values(1, inner)) > 0 { // until the component has read those before
			select {
			case <-c.ended:
				if c.err == nil || !strings.Contains(c.err.Error(), "more than 64 streams and futures") {
					t.Error(c.err)
				}
				n.wantNothing(&c.process.Store)
				return
			default:
				runtime.Gosched()
			}
		}
		c.send(c.End(uint32(id)))
	}
}
