package frames

import "encoding/binary"

// Preface is what a client begins a connection of HTTP/2 with.
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const headerBytes = 9

// Kind is the type of a frame (RFC 9113, section 6).
type Kind uint8

// Kinds of frames that are told apart here.
const (
	Data         Kind = 0x0
	Headers      Kind = 0x1
	Continuation Kind = 0x9
)

const (
	flagEndStream = 0x1
	flagPadded    = 0x8
)

// Header is the header of a frame.
type Header struct {
	Kind   Kind
	Flags  uint8
	Stream uint32
	Length int // of the payload, padding included
}

// EndsStream reports whether a frame of the kind Data or Headers ends its stream.
func (h Header) EndsStream() bool { return h.Flags&flagEndStream != 0 }

// Sink is told the frames of a connection.
type Sink interface {
	// Begin is called at the beginning of each frame.
	Begin(h Header)
}

// DataSink is a Sink that is told what DATA frames contain, too.
type DataSink interface {
	Sink
	// Data is called for the bytes of a DATA frame, in pieces.
	Data(stream uint32, p []byte)
	// EndStream is called at the end of the DATA frame that ends the stream.
	EndStream(stream uint32)
}

// Reader follows the bytes of one direction. It does not check them: whoever serves the connection reads the same bytes, and ends it if
// they are invalid. Its zero value is at the beginning of a frame.
type Reader struct {
	skip   int // bytes to skip: the preface, padding, payloads that nobody reads
	header [headerBytes]byte
	have   int // of the header

	inData bool // between the header of a DATA frame and its last byte of data
	pad    bool // the next byte is the length of the padding
	data   int  // bytes of data left
	id     uint32
	last   bool // the frame ends the stream
}

// OfClient returns a reader of what a client sends, from the preface on.
func OfClient() Reader { return Reader{skip: len(Preface)} }

// Feed reads the next bytes, and tells sink the frames in them, and their contents if it is a DataSink. It is always one of the two.
func (f *Reader) Feed(p []byte, sink Sink) {
	data, _ := sink.(DataSink)
	for len(p) > 0 {
		switch {
		case f.inData && f.pad:
			f.pad = false
			f.skip = min(int(p[0]), f.data-1)
			f.data -= 1 + f.skip
			p = p[1:]
			f.endData(data)
		case f.inData:
			n := min(f.data, len(p))
			data.Data(f.id, p[:n])
			f.data -= n
			p = p[n:]
			f.endData(data)
		case f.skip > 0:
			n := min(f.skip, len(p))
			f.skip -= n
			p = p[n:]
		default:
			n := copy(f.header[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have == headerBytes {
				f.have = 0
				f.begin(sink, data)
			}
		}
	}
}

// begin begins the frame whose header is complete.
func (f *Reader) begin(sink Sink, data DataSink) {
	h := Header{
		Kind: Kind(f.header[3]), Flags: f.header[4],
		Stream: binary.BigEndian.Uint32(f.header[5:]) & (1<<31 - 1),
		Length: int(binary.BigEndian.Uint32(f.header[:4]) >> 8),
	}
	sink.Begin(h)
	if h.Kind != Data || data == nil {
		f.skip = h.Length
		return
	}
	f.id, f.last = h.Stream, h.EndsStream()
	f.inData, f.data, f.pad = true, h.Length, h.Flags&flagPadded != 0 && h.Length > 0
	f.endData(data)
}

// endData ends the DATA frame if all of its data was seen.
func (f *Reader) endData(sink DataSink) {
	if f.data > 0 {
		return
	}
	f.inData, f.pad = false, false
	if f.last {
		sink.EndStream(f.id)
	}
}
