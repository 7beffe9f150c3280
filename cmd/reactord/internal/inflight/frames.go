package inflight

import "encoding/binary"

// The part of HTTP/2 (RFC 9113, sections 4.1 and 6) and of gRPC's message framing that is needed here.
const (
	prefaceBytes     = 24
	frameHeaderBytes = 9
	prefixBytes      = 5 // of a message: a flag, and its length in four bytes

	frameData    = 0x0
	frameHeaders = 0x1

	flagEndStream = 0x1
	flagPadded    = 0x8
)

// frameSink receives the frames of a connection.
type frameSink interface {
	// openStream is called at the beginning of a HEADERS frame.
	openStream(id uint32, endStream bool)
	// beginData is called at the beginning of a DATA frame, and addData for its bytes, in pieces.
	beginData(id uint32)
	addData(id uint32, p []byte)
	// endStream is called at the end of the DATA frame that ends the stream.
	endStream(id uint32)
}

// frameReader follows a connection's bytes from the client's preface on. It does not check them: the
// HTTP/2 server reads the same bytes, and ends the connection if they are invalid.
type frameReader struct {
	skip   int // bytes to skip: the preface, padding, payloads that nobody reads
	header [frameHeaderBytes]byte
	have   int // of the header

	inData bool // between the header of a DATA frame and its last byte of data
	pad    bool // the next byte is the length of the padding
	data   int  // bytes of data left
	id     uint32
	last   bool // the frame ends the stream
}

func newFrameReader() frameReader { return frameReader{skip: prefaceBytes} }

// feed reads the next bytes and calls sink for the frames in them.
func (f *frameReader) feed(p []byte, sink frameSink) {
	for len(p) > 0 {
		switch {
		case f.inData && f.pad:
			f.pad = false
			f.skip = min(int(p[0]), f.data-1)
			f.data -= 1 + f.skip
			p = p[1:]
			f.endData(sink)
		case f.inData:
			n := min(f.data, len(p))
			sink.addData(f.id, p[:n])
			f.data -= n
			p = p[n:]
			f.endData(sink)
		case f.skip > 0:
			n := min(f.skip, len(p))
			f.skip -= n
			p = p[n:]
		default:
			n := copy(f.header[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have == frameHeaderBytes {
				f.have = 0
				f.begin(sink)
			}
		}
	}
}

// begin begins the frame whose header is complete.
func (f *frameReader) begin(sink frameSink) {
	length := int(binary.BigEndian.Uint32(f.header[:4]) >> 8)
	kind, flags := f.header[3], f.header[4]
	f.id = binary.BigEndian.Uint32(f.header[5:]) & (1<<31 - 1)
	f.last = flags&flagEndStream != 0
	switch kind {
	case frameData:
		sink.beginData(f.id)
		f.inData, f.data, f.pad = true, length, flags&flagPadded != 0 && length > 0
		f.endData(sink)
	case frameHeaders:
		sink.openStream(f.id, f.last)
		f.skip = length
	default:
		f.skip = length
	}
}

// endData ends the DATA frame if all of its data was seen.
func (f *frameReader) endData(sink frameSink) {
	if f.data > 0 {
		return
	}
	f.inData, f.pad = false, false
	if f.last {
		sink.endStream(f.id)
	}
}
