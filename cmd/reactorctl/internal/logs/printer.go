package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// timeFormat is that of --timestamps; package since reads it.
	timeFormat = "2006-01-02T15:04:05.000Z07:00"
	// maxLine bounds the part of a line that waits for its end.
	maxLine = 64 << 10
)

// Printer prints what workloads wrote: standard output to Out, standard error to Err, and remarks of its own to Notes.
type Printer struct {
	Out, Err, Notes io.Writer
	// Timestamps begins each line with the time at which it was begun.
	Timestamps bool

	mu sync.Mutex
}

// Log prints the log of one workload. It is for one goroutine.
type Log struct {
	printer *Printer
	prefix  string // of each line; empty for none
	attempt uint32
	began   int64   // when attempt was started; zero if that is not known
	open    bool    // the last byte that was printed unchanged was not the end of a line
	out     partial // of standard output, while lines are completed before they are printed
	err     partial
}

// partial is the beginning of a line.
type partial struct {
	text  []byte
	begun time.Time
}

// Log returns what prints the log of one workload, each line with a prefix if that is not empty.
func (p *Printer) Log(prefix string) *Log { return &Log{printer: p, prefix: prefix} }

// Take prints a response.
func (l *Log) Take(r *reactorv1.ReadLogsResponse) error {
	p := l.printer
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.GetAttempt() > 0 && len(r.GetData()) > 0 {
		if err := l.setAttempt(r.GetAttempt(), r.GetAttemptStartUs()); err != nil {
			return err
		}
	}
	if n := r.GetMissingBytes(); n > 0 {
		if err := l.note(fmt.Sprintf("... %s bytes were not kept ...", humanize.Comma(int64(n)))); err != nil {
			return err
		}
	}
	if len(r.GetData()) == 0 {
		return l.end(r)
	}
	stdout := r.GetStream() != reactorv1.OutputStream_OUTPUT_STREAM_STDERR
	if l.prefix == "" && !p.Timestamps {
		to := p.Err
		if stdout {
			to = p.Out
		}
		l.open = !bytes.HasSuffix(r.GetData(), []byte{'\n'})
		_, err := to.Write(r.GetData())
		return err
	}
	if stdout {
		return l.lines(p.Out, &l.out, r.GetTime().AsTime(), r.GetData())
	}
	return l.lines(p.Err, &l.err, r.GetTime().AsTime(), r.GetData())
}

// setAttempt notes which attempt wrote what is printed next, and prints that it is not the same as before.
func (l *Log) setAttempt(attempt uint32, began int64) (err error) {
	switch {
	case l.attempt == 0:
	case attempt != l.attempt:
		err = l.note(fmt.Sprintf("--- attempt %d ---", attempt))
	case began == 0:
		return nil
	case l.began != 0 && began != l.began:
		err = l.note(fmt.Sprintf("--- attempt %d, started again ---", attempt))
	}
	l.attempt, l.began = attempt, began
	return err
}

// end prints the last response. An older daemon says only there how much was not kept.
func (l *Log) end(r *reactorv1.ReadLogsResponse) error {
	if n := r.GetDroppedBytes(); n > 0 && r.GetOffset() == 0 {
		return l.note(fmt.Sprintf("... %s more bytes were not kept ...", humanize.Comma(int64(n))))
	}
	return nil
}

// note prints a remark on a line of its own.
func (l *Log) note(text string) error {
	if err := l.flush(); err != nil {
		return err
	}
	if l.open {
		l.open = false
		text = "\n" + text
	}
	_, err := fmt.Fprintln(l.printer.Notes, l.prefix+text)
	return err
}

// lines prints the lines that data completes, and keeps the beginning of the next one.
func (l *Log) lines(to io.Writer, rest *partial, at time.Time, data []byte) error {
	for line := range bytes.Lines(data) {
		if len(rest.text) == 0 {
			rest.begun = at
		}
		rest.text = append(rest.text, line...)
		if line[len(line)-1] != '\n' && len(rest.text) < maxLine {
			return nil
		}
		if err := l.line(to, rest); err != nil {
			return err
		}
	}
	return nil
}

// line prints a line, with an end if it has none.
func (l *Log) line(to io.Writer, p *partial) error {
	text := []byte(l.prefix)
	if l.printer.Timestamps {
		text = append(p.begun.Local().AppendFormat(text, timeFormat), ' ')
	}
	text = append(text, p.text...)
	if !bytes.HasSuffix(text, []byte{'\n'}) {
		text = append(text, '\n')
	}
	p.text = p.text[:0]
	_, err := to.Write(text)
	return err
}

// Close prints lines that were begun and will not be completed.
func (l *Log) Close() error {
	l.printer.mu.Lock()
	defer l.printer.mu.Unlock()
	return l.flush()
}

func (l *Log) flush() error {
	var faults []error
	if len(l.out.text) > 0 {
		faults = append(faults, l.line(l.printer.Out, &l.out))
	}
	if len(l.err.text) > 0 {
		faults = append(faults, l.line(l.printer.Err, &l.err))
	}
	return errors.Join(faults...)
}

// Prefixes returns a prefix for each id, all of one width.
func Prefixes(ids []string) []string {
	width := 0
	for _, id := range ids {
		width = max(width, len(id))
	}
	prefixes := make([]string, len(ids))
	for i, id := range ids {
		prefixes[i] = id + strings.Repeat(" ", width-len(id)) + " | "
	}
	return prefixes
}
