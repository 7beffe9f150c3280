package attack

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

// rawClient is a client that says over HTTP/2 what it likes and reads nothing, unless it is told to.
type rawClient struct {
	*http2.Framer
	conn   net.Conn
	stream uint32 // the next one
	block  bytes.Buffer
	enc    *hpack.Encoder
}

// dialRaw connects, and closes the connection when ctx ends.
func dialRaw(ctx context.Context, addr string) (*rawClient, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	c := &rawClient{Framer: http2.NewFramer(conn, conn), conn: conn, stream: 1}
	c.AllowIllegalWrites = true
	c.enc = hpack.NewEncoder(&c.block)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := c.WriteSettings(); err != nil {
		return nil, err
	}
	return c, c.WriteSettingsAck()
}

// open begins a call, with one more header if it has a value.
func (c *rawClient) open(method, extra string) (uint32, error) {
	c.block.Reset()
	headers := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method}, {Name: ":authority", Value: "x"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
	if extra != "" {
		headers = append(headers, hpack.HeaderField{Name: "x-extra", Value: extra, Sensitive: true})
	}
	for _, f := range headers {
		if err := c.enc.WriteField(f); err != nil {
			return 0, err
		}
	}
	id := c.stream
	c.stream += 2
	const most = 16 << 10
	first := true
	for {
		part := c.block.Next(most)
		end := c.block.Len() == 0
		var err error
		if first {
			err = c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndHeaders: end})
		} else {
			err = c.WriteContinuation(id, end, part)
		}
		if err != nil || end {
			return id, err
		}
		first = false
	}
}

// call makes a call with one message.
func (c *rawClient) call(method string, m proto.Message) error {
	id, err := c.open(method, "")
	if err != nil {
		return err
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return c.WriteData(id, true, framed(b, len(b)))
}

// framed is a message as gRPC has it, announced with a length that may not be its own.
func framed(b []byte, length int) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(length)), b...)
}

// each runs do for n connections at a time, again and again until ctx ends. What a connection that
// was broken off says is no fault.
func each(ctx context.Context, n int, do func(i int) error) {
	done := make(chan struct{})
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				if err := do(i); err != nil && ctx.Err() == nil {
					continue
				}
			}
		}()
	}
	for range n {
		<-done
	}
}
