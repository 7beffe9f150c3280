package inflight

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/internal/notify"
)

// prefixBytes is what is in front of a message of gRPC: a flag, and its length in four bytes.
const prefixBytes = 5

// call is one call in flight.
type call struct {
	// These do not change.
	conn    *Conn
	method  *method
	slot    Hold // one of conn.calls
	opened  time.Time
	changed notify.Signal // set when announced, halfClosed or done change

	// What the reader has seen of the client's messages. Guarded by conn.mu.
	id         uint32            // the stream's
	prefix     [prefixBytes]byte // of the message that is arriving
	prefixLen  int               // bytes of prefix that have come
	bodyLeft   int               // bytes of that message still to come
	bodyRead   int               // bytes of it that have come
	frames     int               // DATA frames that they came in
	announced  []int             // lengths of the messages that the handler has not asked for yet
	messages   int               // how many messages have been announced
	unread     int               // bytes that have come and that the handler has not taken
	charged    int               // the part of unread that conn.unread counts
	halfClosed bool              // the client sends no more

	// How far the handler is. Guarded by conn.mu.
	started  bool // the handler has been entered
	running  bool // it has been entered and has not returned
	returned bool
	done     bool   // the call's context is done
	holds    []Hold // for the message that the handler works on
}

// addFrame counts a DATA frame. It returns false if there are too many frames for the bytes they brought.
func (s *call) addFrame() bool {
	s.frames++
	return s.frames <= looseFrames+s.bodyRead/256
}

// addBytes reads the next bytes of the call's messages. It returns false if the client sends a second
// message and the method takes only one.
func (s *call) addBytes(p []byte) bool {
	s.setUnread(s.unread + len(p))
	for len(p) > 0 {
		if s.bodyLeft > 0 {
			n := min(s.bodyLeft, len(p))
			s.bodyLeft -= n
			s.bodyRead += n
			p = p[n:]
			continue
		}
		n := copy(s.prefix[s.prefixLen:], p)
		s.prefixLen += n
		p = p[n:]
		if s.prefixLen < prefixBytes {
			continue
		}
		s.prefixLen, s.bodyRead, s.frames = 0, 0, 1
		s.bodyLeft = int(binary.BigEndian.Uint32(s.prefix[1:]))
		if s.messages++; s.messages > 1 && !s.method.clientStreams {
			return false
		}
		s.announced = append(s.announced, s.bodyLeft)
		s.changed.Set()
	}
	return true
}

// setUnread sets how many bytes are unread. Those beyond the window belong to a message that was paid for,
// so conn.unread does not count them.
func (s *call) setUnread(unread int) {
	s.unread = unread
	charged := min(unread, window)
	s.conn.addUnread(charged - s.charged)
	s.charged = charged
}

// start marks the handler as entered. It returns false if the call is done already; otherwise the handler
// has to call finish.
func (s *call) start() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.done {
		return false
	}
	s.started, s.running = true, true
	s.conn.onStart()
	return true
}

// finish marks the handler as returned; ctx is the call's context.
func (s *call) finish(ctx context.Context) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.trust.Call(s.opened, time.Now(), ctx.Err() == nil)
	s.dropLocked()
	s.running, s.returned = false, true
	if s.done {
		s.slot.Release()
	}
}

// end is called when the call's context is done: gRPC takes no more of its messages. The handler may
// still be running.
func (s *call) end() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.done = true
	s.changed.Set()
	s.conn.forget(s)
	if !s.started {
		s.conn.onStart()
		s.conn.trust.Call(s.opened, time.Now(), false)
	}
	if !s.running {
		s.slot.Release()
	}
}

// next waits for the length of the next message. It returns false if there will be none.
func (s *call) next() (int, bool) {
	for {
		s.conn.mu.Lock()
		if len(s.announced) > 0 {
			n := s.announced[0]
			s.announced = s.announced[1:]
			s.conn.mu.Unlock()
			return n, true
		}
		none := s.halfClosed || s.done
		s.conn.mu.Unlock()
		if none {
			return 0, false
		}
		<-s.changed
	}
}

// onReceived is called when a message of n bytes, its prefix included, was received from gRPC.
func (s *call) onReceived(n int) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if !s.done {
		s.setUnread(max(0, s.unread-n))
	}
}

// receive receives a message with recv, gRPC's own function, and decodes it into m. The memory that the
// message takes up is held until the next receive or the end of the call.
func (s *call) receive(ctx context.Context, m any, recv func(any) error) error {
	s.drop()
	length, ok := s.next()
	if !ok {
		return recv(m) // the end of the stream, or of the context
	}
	if length > s.method.maxBytes {
		return errTooLarge(length, s.method)
	}
	limits := &s.conn.gate.limits
	h, ok := s.conn.requests.Take(ctx, s.method.factor()*int64(length), limits.Patience)
	if !ok {
		return s.refusal(ctx, s.method.factor()*int64(length))
	}
	s.keep(h)
	onTime := func() bool { return true }
	if h.drawn { // others may be waiting for this memory
		onTime = time.AfterFunc(limits.timeFor(int64(length)), func() { _ = s.conn.Close() }).Stop
	}
	var w wire
	err := recv(&w)
	onTime()
	if err != nil {
		return err
	}
	s.onReceived(prefixBytes + length)
	return s.decode(ctx, &w, m)
}

// decode decodes a message. One of many small parts takes up more than was held for it: the rest is taken
// at once or the message is refused, so that nobody holds much memory while waiting for more.
func (s *call) decode(ctx context.Context, w *wire, m any) error {
	buffer := w.bytes.MaterializeToBuffer(exact)
	w.bytes.Free()
	defer buffer.Free()
	b := buffer.ReadOnlyData()
	target, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is not a protobuf message", m)
	}
	if extra := decodedBytes(b, target.ProtoReflect().Descriptor(), s.conn.gate.limits.Bytes+2*int64(len(b))) - 2*int64(len(b)); extra > 0 {
		h, ok := s.conn.requests.TryTake(extra)
		if !ok {
			return s.refusal(ctx, extra)
		}
		s.keep(h)
	}
	// Unknown fields are dropped: nothing here reads them, and they would take up memory for as long as
	// the message does.
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, target); err != nil {
		return errMalformed(target, err)
	}
	return nil
}

// refusal returns the error for n bytes that could not be taken.
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

// keep adds h to what is held for the handler's message.
func (s *call) keep(h Hold) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.returned { // called by a goroutine that the handler left behind
		h.Release()
		return
	}
	s.holds = append(s.holds, h)
}

// drop releases what is held for the handler's message.
func (s *call) drop() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.dropLocked()
}

func (s *call) dropLocked() {
	for _, h := range s.holds {
		h.Release()
	}
	s.holds = s.holds[:0]
}

// answer encodes an answer, and holds memory for it until gRPC has written or dropped it.
func (s *call) answer(ctx context.Context, m any, onWait func()) (*wire, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a protobuf message", m)
	}
	size := proto.Size(message)
	if mem.IsBelowBufferPoolingThreshold(size) {
		return encode(message, size, nil)
	}
	h, err := s.reserveAnswer(ctx, int64(size), onWait)
	if err != nil {
		return nil, err
	}
	return encode(message, size, s.conn.releaseWhenRead(h))
}

// holdForSend holds memory for a streamed message while it is being sent, since its handler keeps what
// the message was made of.
func (s *call) holdForSend(ctx context.Context, w *wire) (Hold, error) {
	size := w.bytes.Len()
	if mem.IsBelowBufferPoolingThreshold(size) {
		return Hold{}, nil
	}
	return s.reserveAnswer(ctx, 2*int64(size), func() {})
}

// reserveAnswer takes n bytes for an answer. It calls onWait before it waits. Few answers wait at a time
// (maxWaiting), since their messages exist already.
func (s *call) reserveAnswer(ctx context.Context, n int64, onWait func()) (Hold, error) {
	if h, ok := s.conn.answers.TryTake(n); ok {
		return h, nil
	}
	onWait()
	if h, ok := s.conn.gate.wait(ctx, s.conn.answers, n); ok {
		return h, nil
	}
	return Hold{}, s.refusal(ctx, n)
}
