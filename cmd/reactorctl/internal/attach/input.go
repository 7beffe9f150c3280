package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// chunkSize is how much input is sent at a time.
const chunkSize = 32 << 10

// Input is what a guest reads as its standard input.
type Input struct {
	file     *os.File // a regular file, which can be read again
	start    int64    // where in file the input begins
	terminal bool

	from    io.Reader // anything else, read by a goroutine
	reading sync.Once
	chunks  chan []byte
	err     error // why from ended; set before chunks is closed

	unsent []byte
	used   bool // the guest may have got some of it; its end alone can be sent again
}

// NewInput returns an input that reads from a file, a terminal, a pipe or whatever it is.
func NewInput(from io.Reader) *Input {
	in := &Input{from: from, chunks: make(chan []byte)}
	f, ok := from.(*os.File)
	if !ok {
		return in
	}
	in.terminal = term.IsTerminal(int(f.Fd()))
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return in
	}
	if start, err := f.Seek(0, io.SeekCurrent); err == nil {
		in.file, in.start = f, start
	}
	return in
}

// next returns the next piece of input; at its end io.EOF.
func (in *Input) next(ctx context.Context) ([]byte, error) {
	if b := in.unsent; b != nil {
		in.unsent = nil
		return b, nil
	}
	if in.file != nil {
		return read(in.file)
	}
	in.reading.Do(func() { go in.readAll() })
	select {
	case b, ok := <-in.chunks:
		if !ok {
			return nil, in.err
		}
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readAll passes from to chunks. A read from a terminal cannot be interrupted, so nothing waits for this goroutine.
func (in *Input) readAll() {
	defer close(in.chunks)
	for {
		b, err := read(in.from)
		if len(b) > 0 {
			in.chunks <- b
		}
		if err != nil {
			in.err = err
			return
		}
	}
}

func read(from io.Reader) ([]byte, error) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			return buffer[:n], nil // an error comes again
		}
		if err != nil {
			return nil, err
		}
	}
}

// InputLostError says that the guest's input cannot be sent again.
type InputLostError struct{ why string }

func (e *InputLostError) Error() string { return e.why }

// resume prepares the input for a new connection: to the same attempt, or to one that reads from the beginning. It
// returns an InputLostError if the guest would get another input than without the interruption.
func (in *Input) resume(sameAttempt bool) (note string, _ error) {
	switch {
	case !in.used:
		return "", nil
	case in.terminal && sameAttempt:
		return "what was typed last may be lost", nil
	case in.terminal:
		return "what was typed before is not read again", nil
	case sameAttempt:
		return "", &InputLostError{"how much of its input the guest has read is not known"}
	case in.file == nil:
		return "", &InputLostError{"the guest starts anew, and its input comes from a pipe that cannot be read again"}
	}
	if _, err := in.file.Seek(in.start, io.SeekStart); err != nil {
		return "", &InputLostError{fmt.Sprintf("the guest starts anew, and its input cannot be read again: %v", err)}
	}
	in.used, in.unsent = false, nil
	return "its input is sent again", nil
}

// send passes the input to a stream, and half-closes it at the end.
func (in *Input) send(ctx context.Context, stream stdinStream) error {
	for {
		b, err := in.next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return stream.CloseSend()
		case err != nil:
			return err
		}
		in.used = true
		if err := stream.Send(stdin(b)); err != nil {
			in.unsent = b
			return nil //nolint:nilerr // the receiver gets the stream's error
		}
	}
}
