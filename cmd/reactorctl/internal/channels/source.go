package channels

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/component/wave"
)

// Sources are what the streams and futures of the arguments are made from. It is for one goroutine until Run has it.
type Sources struct {
	in          io.Reader
	taken       bool // somebody reads in
	connections []string
	list        []*source
}

// NewSources makes a Sources whose standard input is in; nil: something else reads it. connections are the names of open
// connections that the daemon has for the call: such a name stands for no file.
func NewSources(in io.Reader, connections []string) *Sources {
	return &Sources{in: in, taken: in == nil, connections: connections}
}

// source is what one channel is made from.
type source struct {
	typ   *types.Type   // of the stream or future
	items []value.Value // if there is no reader
	from  *bufio.Reader
	file  io.Closer // nil for the standard input
	name  string    // of from
	line  int       // of from: the last one that was read
}

var (
	errTaken  = errors.New("the standard input can be read once, and something else reads it")
	errFolder = errors.New("it is a folder")
)

// Open implements [wave.Opener]. It may block, as opening a file does.
func (s *Sources) Open(t *types.Type, from wave.Source) (value.Value, error) {
	src := &source{typ: t, items: from.Items}
	switch {
	case t.OfBytes() && slices.Contains(s.connections, from.File):
		return value.Value{Bytes: []byte(from.File)}, nil
	case slices.Contains(s.connections, from.File):
		return value.Value{}, fmt.Errorf("the connection %q can only be given for a tcp-socket or a stream<u8>", from.File)
	case from.Stdin && s.taken:
		return value.Value{}, errTaken
	case from.Stdin:
		s.taken = true
		src.name, src.from = "the standard input", bufio.NewReaderSize(s.in, chunk)
	case from.File != "":
		file, err := open(from.File)
		if err != nil {
			return value.Value{}, err
		}
		src.name, src.file, src.from = from.File, file, bufio.NewReaderSize(file, chunk)
	}
	s.list = append(s.list, src)
	return value.Value{Bits: uint64(len(s.list))}, nil
}

func open(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &os.PathError{Op: "open", Path: path, Err: errFolder}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Close closes the files, which were only read.
func (s *Sources) Close() {
	for _, src := range s.list {
		if src.file != nil {
			_ = src.file.Close()
		}
	}
}

// bytes returns the next bytes of a stream<u8>, most at most; at the end io.EOF.
func (s *source) bytes(most int) ([]byte, error) {
	if s.from == nil {
		if len(s.items) == 0 {
			return nil, io.EOF
		}
		b := make([]byte, min(most, len(s.items)))
		for i := range b {
			b[i] = byte(s.items[i].Bits)
		}
		s.items = s.items[len(b):]
		return b, nil
	}
	b := make([]byte, min(most, chunk))
	n, err := s.from.Read(b)
	if n > 0 {
		return b[:n], nil // an error comes again
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, s.fault(err)
}

// value returns the next item of another stream; at the end io.EOF.
func (s *source) value() (value.Value, error) {
	if s.from != nil {
		return s.readLine()
	}
	if len(s.items) == 0 {
		return value.Value{}, io.EOF
	}
	v := s.items[0]
	s.items = s.items[1:]
	return v, nil
}

// ready reports whether value returns without a wait.
func (s *source) ready() bool {
	if s.from == nil {
		return true
	}
	buffered, _ := s.from.Peek(s.from.Buffered())
	return bytes.IndexByte(buffered, '\n') >= 0
}

// readLine reads the next line that has a value.
func (s *source) readLine() (value.Value, error) {
	for {
		text, err := readLine(s.from)
		if errors.Is(err, io.EOF) {
			return value.Value{}, err
		}
		s.line++
		if err != nil {
			return value.Value{}, s.fault(err)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		v, err := wave.Parse(s.typ.Item(), string(text))
		if err != nil {
			return value.Value{}, s.fault(err)
		}
		return v, nil
	}
}

// maxLine bounds a line. The text of an item can be longer than what it counts.
const maxLine = 1 << 20

// readLine returns the next line, without its end; at the end of the text io.EOF.
func readLine(from *bufio.Reader) (line []byte, err error) {
	for {
		part, err := from.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		}
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
}

// fault says where the source is at fault.
func (s *source) fault(err error) error {
	if s.line > 0 {
		return fmt.Errorf("%s, line %d: %w", s.name, s.line, err)
	}
	return fmt.Errorf("%s: %w", s.name, err)
}
