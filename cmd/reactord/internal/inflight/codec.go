package inflight

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// wire is a message as it travels, in either direction: received and not decoded yet, or encoded
// and not sent yet.
type wire struct {
	bytes mem.BufferSlice
}

// Codec passes messages through that a call encodes or decodes itself, outside of gRPC, which would not
// tell how large a message is before it decodes it. It encodes and decodes everything else.
type Codec struct{ encoding.CodecV2 }

// NewCodec makes a codec over gRPC's own for protobuf.
func NewCodec() Codec { return Codec{encoding.GetCodecV2("proto")} }

// Marshal implements encoding.CodecV2.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	if w, ok := v.(*wire); ok {
		return w.bytes, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if w, ok := v.(*wire); ok {
		data.Ref()
		w.bytes = data
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// exact makes each buffer as large as it has to be. gRPC's own pool has no buffers between 32 KiB and 1 MiB: a buffer would
// take up to 32 times as much as is held for it.
var exact = mem.NopBufferPool{}

// releaser is a pool of buffers that also calls release when its one buffer is put back.
type releaser struct {
	mem.BufferPool
	release func()
}

func (r *releaser) Put(b *[]byte) {
	r.BufferPool.Put(b)
	r.release()
}

// encode encodes a message whose size was just computed. It calls release when gRPC no longer needs the
// bytes, but not for a message that is too small to be pooled: gRPC does not report those.
func encode(m proto.Message, size int, release func()) (*wire, error) {
	options := proto.MarshalOptions{UseCachedSize: true}
	if mem.IsBelowBufferPoolingThreshold(size) {
		b, err := options.Marshal(m)
		return &wire{mem.BufferSlice{mem.SliceBuffer(b)}}, err
	}
	pool := &releaser{exact, release}
	b := pool.Get(size)
	if _, err := options.MarshalAppend((*b)[:0], m); err != nil {
		pool.Put(b)
		return nil, err
	}
	return &wire{mem.BufferSlice{mem.NewBuffer(b, pool)}}, nil
}
