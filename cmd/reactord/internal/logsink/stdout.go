package logsink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/reactor/api"
)

// Stdout sends lines to the standard output, each as a JSON object.
func Stdout(log *zap.Logger) (*Sink, error) {
	// A write to descriptor 1 itself would end the process once nobody reads.
	fd, err := unix.FcntlInt(os.Stdout.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the standard output can't be used: %w", err)
	}
	return newSink(writer{os.NewFile(uintptr(fd), "stdout")}, log), nil
}

// writer writes lines as JSON.
type writer struct{ to io.WriteCloser }

// record is a line as JSON.
type record struct {
	Time     time.Time         `json:"time"`
	Workload string            `json:"workload"`
	Name     string            `json:"name,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Attempt  uint32            `json:"attempt"`
	Stream   string            `json:"stream"`
	Text     string            `json:"text"`
	Partial  bool              `json:"partial,omitempty"`
}

// most implements sender: about as much as a pipe has room for, so that a reader who is slow, but reads, is seen to.
func (writer) most() int { return 64 << 10 }

// stuck implements sender.
func (writer) stuck() string { return "nobody reads the standard output" }

// send implements sender.
func (w writer) send(_ context.Context, lines []line) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for i := range lines {
		l := &lines[i]
		if err := encoder.Encode(record{
			Time: l.time.UTC(), Workload: l.from.ID, Name: l.from.Name, Labels: l.from.Labels, Attempt: l.from.Attempt,
			Stream: nameOf(l.stream), Text: escape(l.text), Partial: l.partial,
		}); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w.to, printable.Text(text.String()))
	return err
}

// close implements sender.
func (w writer) close() { _ = w.to.Close() }

func nameOf(s api.Stream) string {
	if s == api.Stderr {
		return "stderr"
	}
	return "stdout"
}

// escape makes text UTF-8: other bytes become \xNN.
func escape(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}
