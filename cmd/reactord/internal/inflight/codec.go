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

// Codec lets through what was encoded or will be decoded by a call, outside of gRPC, which would tell
// nobody how large a message is before it decodes it. What does not come from a call it encodes
// itself.
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

// releaser is a pool of buffers that also releases what was held for one of them.
type releaser struct {
	mem.BufferPool
	release func()
}

func (r *releaser) Put(b *[]byte) {
	r.BufferPool.Put(b)
	r.release()
}

// encode encodes a message whose size was just computed. The release is called when gRPC needs the
// bytes no more; gRPC does not tell of those that it does not pool.
func encode(m proto.Message, size int, release func()) (*wire, error) {
	options := proto.MarshalOptions{UseCachedSize: true}
	if mem.IsBelowBufferPoolingThreshold(size) {
		b, err := options.Marshal(m)
		return &wire{mem.BufferSlice{mem.SliceBuffer(b)}}, err
	}
	pool := &releaser{mem.DefaultBufferPool(), release}
	b := pool.Get(size)
	if _, err := options.MarshalAppend((*b)[:0], m); err != nil {
		pool.Put(b)
		return nil, err
	}
	return &wire{mem.BufferSlice{mem.NewBuffer(b, pool)}}, nil
}
