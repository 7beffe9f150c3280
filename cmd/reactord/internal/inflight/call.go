package inflight

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/internal/notify"
)

// call is a call under way. Conn.mu guards what is not said to be otherwise.
type call struct {
	conn   *Conn
	method *method
	place  Hold // among the calls
	opened time.Time

	id       uint32
	prefix   [prefixBytes]byte
	have     int           // of the prefix
	left     int           // bytes of the message under way that are still to come
	got      int           // bytes of it that came
	frames   int           // that they came in
	lengths  []int         // of messages that were announced and that no handler asked for
	seen     int           // messages announced
	unread   int           // bytes that came in and were not taken
	charged  int           // of them, counted in conn.unread
	complete bool          // the client sends no more
	told     notify.Signal // set when lengths, complete or over change
	begun    bool          // a handler has, or had it
	running  bool          // a handler has it
	over     bool          // its context is done

	message  []Hold // for the message that the handler has
	finished bool   // the handler has returned
}

// addFrame counts a frame. It is false if there are too many for the bytes they brought.
func (s *call) addFrame() bool {
	s.frames++
	return s.frames <= looseFrames+s.got/256
}

// addBytes follows the bytes of the call's messages. It is false if there is one more message than
// the call has.
func (s *call) addBytes(p []byte) bool {
	s.count(s.unread + len(p))
	for len(p) > 0 {
		if s.left > 0 {
			n := min(s.left, len(p))
			s.left -= n
			s.got += n
			p = p[n:]
			continue
		}
		n := copy(s.prefix[s.have:], p)
		s.have += n
		p = p[n:]
		if s.have < prefixBytes {
			continue
		}
		s.have, s.got, s.frames = 0, 0, 1
		s.left = int(binary.BigEndian.Uint32(s.prefix[1:]))
		if s.seen++; s.seen > 1 && !s.method.clientStreams {
			return false
		}
		s.lengths = append(s.lengths, s.left)
		s.told.Set()
	}
	return true
}

// count says how many bytes are unread. Those beyond the window are of a message that was paid for.
func (s *call) count(unread int) {
	s.unread = unread
	charged := min(unread, window)
	s.conn.counted(charged - s.charged)
	s.charged = charged
}

// start tells whether the call has not ended; then its handler calls finish.
func (s *call) start() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.over {
		return false
	}
	s.begun, s.running = true, true
	s.conn.startedOne()
	return true
}

// finish ends the handler's part; ctx is the call's.
func (s *call) finish(ctx context.Context) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.trust.add(s.opened, time.Now(), ctx.Err() == nil)
	s.dropLocked()
	s.running, s.finished = false, true
	if s.over {
		s.place.Release()
	}
}

// end is called when the call's context is done: gRPC takes no more of its messages. A handler may
// still be at work.
func (s *call) end() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.over = true
	s.told.Set()
	s.conn.forget(s)
	if !s.begun {
		s.conn.startedOne()
		s.conn.trust.add(s.opened, time.Now(), false)
	}
	if !s.running {
		s.place.Release()
	}
}

// next waits for the length of the next message. It is false if there will be none.
func (s *call) next() (int, bool) {
	for {
		s.conn.mu.Lock()
		if len(s.lengths) > 0 {
			n := s.lengths[0]
			s.lengths = s.lengths[1:]
			s.conn.mu.Unlock()
			return n, true
		}
		none := s.complete || s.over
		s.conn.mu.Unlock()
		if none {
			return 0, false
		}
		<-s.told
	}
}

// took says that a message was taken from gRPC.
func (s *call) took(n int) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if !s.over {
		s.count(max(0, s.unread-n))
	}
}

// receive receives a message by recv, which is gRPC's, and decodes it into m. What it takes up is
// held until the next receive or the end of the call.
func (s *call) receive(ctx context.Context, m any, recv func(any) error) error {
	s.drop()
	length, ok := s.next()
	if !ok {
		return recv(m) // the end of the stream, or of the context
	}
	if length > s.method.mostBytes {
		return errTooLarge(length, s.method)
	}
	limits := &s.conn.gate.limits
	h, ok := s.conn.requests.Take(ctx, s.method.factor()*int64(length), limits.Patience)
	if !ok {
		return s.refusal(ctx, s.method.factor()*int64(length))
	}
	s.keep(h)
	onTime := func() bool { return true }
	if h.drawn { // others may wait for that room
		onTime = time.AfterFunc(limits.timeFor(int64(length)), func() { _ = s.conn.Close() }).Stop
	}
	var w wire
	err := recv(&w)
	onTime()
	if err != nil {
		return err
	}
	s.took(prefixBytes + length)
	return s.decode(ctx, &w, m)
}

// decode decodes a message. Where it takes up more than was held for it, as many small parts do, that
// is to be had at once or not at all: nobody holds much and waits for more.
func (s *call) decode(ctx context.Context, w *wire, m any) error {
	buffer := w.bytes.MaterializeToBuffer(mem.DefaultBufferPool())
	w.bytes.Free()
	defer buffer.Free()
	b := buffer.ReadOnlyData()
	target, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no protobuf message", m)
	}
	if extra := decodedBytes(b, target.ProtoReflect().Descriptor(), s.conn.gate.limits.Bytes+2*int64(len(b))) - 2*int64(len(b)); extra > 0 {
		h, ok := s.conn.requests.TryTake(extra)
		if !ok {
			return s.refusal(ctx, extra)
		}
		s.keep(h)
	}
	// Fields that are not known are dropped: nothing here reads them, and they would be held for as
	// long as the message is.
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, target); err != nil {
		return status.Errorf(codes.Internal, "the message is not a valid %s: %v", target.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

// refusal is why n bytes were not to be had.
func (s *call) refusal(ctx context.Context, n int64) error {
	switch limits := &s.conn.gate.limits; {
	case ctx.Err() != nil:
		return ctx.Err()
	case n > limits.Bytes:
		return errTooCostly(n, limits.Bytes)
	default:
		return errTooMuch()
	}
}

// keep holds h for the message the handler has.
func (s *call) keep(h Hold) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.finished { // a goroutine that the handler left behind
		h.Release()
		return
	}
	s.message = append(s.message, h)
}

// drop releases what is held for the message the handler had.
func (s *call) drop() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.dropLocked()
}

func (s *call) dropLocked() {
	for _, h := range s.message {
		h.Release()
	}
	s.message = s.message[:0]
}

// answer encodes what is to be sent, and pays for it until gRPC has written or dropped it.
func (s *call) answer(ctx context.Context, m any, onWait func()) (*wire, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no protobuf message", m)
	}
	size := proto.Size(message)
	if mem.IsBelowBufferPoolingThreshold(size) {
		return encode(message, size, nil)
	}
	h, err := s.room(ctx, int64(size), onWait)
	if err != nil {
		return nil, err
	}
	return encode(message, size, s.conn.unlessRead(h))
}

// inHand pays for a message of a stream while it is being sent: its handler has what it was made of.
func (s *call) inHand(ctx context.Context, w *wire) (Hold, error) {
	size := w.bytes.Len()
	if mem.IsBelowBufferPoolingThreshold(size) {
		return Hold{}, nil
	}
	return s.room(ctx, 2*int64(size), func() {})
}

// room takes n bytes for an answer. It calls onWait before it waits for them. Few wait at a time, since
// they have the message in their hands.
func (s *call) room(ctx context.Context, n int64, onWait func()) (Hold, error) {
	if h, ok := s.conn.answers.TryTake(n); ok {
		return h, nil
	}
	onWait()
	if h, ok := s.conn.gate.wait(ctx, s.conn.answers, n); ok {
		return h, nil
	}
	return Hold{}, s.refusal(ctx, n)
}
