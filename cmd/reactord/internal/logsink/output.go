package logsink

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// maxLine bounds a line, in bytes.
const maxLine = 16 << 10

// line is a line that a guest has printed, or a part of one.
type line struct {
	from    *hooks.Source
	stream  api.Stream
	time    time.Time
	text    string
	partial bool // it goes on in the next one
}

// lineBytes is what a line takes beside its text, about.
const lineBytes = 128

func (l *line) size() int { return len(l.text) + lineBytes }

// output cuts what an attempt prints into lines. It implements hooks.Output.
type output struct {
	sink  *Sink
	from  *hooks.Source
	rests [2]rest       // of each stream
	limit *rate.Limiter // of lines: encoding them takes a processor, which is not charged to the guest
}

// rest is the beginning of a line that is not complete.
type rest struct {
	text  []byte
	began time.Time
}

// maxBatch is how many lines are handed to the sink at a time.
const maxBatch = 256

// Write implements hooks.Output.
func (o *output) Write(stream api.Stream, p []byte, at time.Time) {
	r := &o.rests[0]
	if stream == api.Stderr {
		r = &o.rests[1]
	}
	text := string(p) // one copy, of which all lines have a part
	var batch []line
	for len(text) > 0 {
		l, behind, ok := o.cut(r, text, at)
		if text = behind; !ok {
			break
		}
		if !o.limit.AllowN(at, 1) {
			o.sink.losses.Lose(1 + strings.Count(text, "\n"))
			break
		}
		l.from, l.stream = o.from, stream
		if batch = append(batch, l); len(batch) == maxBatch {
			if !o.sink.add(batch) { // nor is there room for more
				o.sink.losses.Lose(strings.Count(text, "\n"))
				return
			}
			batch = nil
		}
	}
	o.sink.add(batch)
}

// cut returns the next line of a text, which begins with the rest that came before it, and the text behind it. There is no line if it is
// not complete, and there is room to keep it.
func (o *output) cut(r *rest, text string, at time.Time) (l line, behind string, ok bool) {
	l.time = at
	if len(r.text) > 0 {
		l.time = r.began
	}
	end := strings.IndexByte(text, '\n')
	complete := end >= 0
	if !complete {
		end = len(text)
	}
	switch room := maxLine - len(r.text); {
	case end > room:
		end = runeStart(text, room)
		l.partial, behind = true, text[end:]
	case complete:
		behind = text[end+1:]
	case o.sink.hold(len(text)):
		r.text, r.began = append(r.text, text...), l.time
		return line{}, "", false
	default:
		l.partial = true
	}
	l.text = o.take(r) + text[:end]
	return l, behind, true
}

// take returns the rest, which is none any more.
func (o *output) take(r *rest) string {
	if r.text == nil {
		return ""
	}
	text := string(r.text)
	o.sink.free(len(text))
	r.text = nil
	return text
}

// Close implements hooks.Output: the lines that are not complete are sent.
func (o *output) Close() {
	var last []line
	for i, stream := range []api.Stream{api.Stdout, api.Stderr} {
		if r := &o.rests[i]; len(r.text) > 0 {
			last = append(last, line{from: o.from, stream: stream, time: r.began, text: o.take(r)})
		}
	}
	o.sink.add(last)
}

// runeStart returns the last place up to most at which a character of the text begins, if one begins near it.
func runeStart(text string, most int) int {
	for at := most; at > max(0, most-utf8.UTFMax); at-- {
		if utf8.RuneStart(text[at]) {
			return at
		}
	}
	return most
}
