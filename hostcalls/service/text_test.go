package service

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// What a client sends as a method, a path or a host is text for the component, and printable and short for people.
func TestTextOfClients(t *testing.T) {
	var seen atomic.Pointer[wasihttp.Request]
	var ops atomic.Pointer[string]
	var r *running
	r = start(t, abi.Service{AccessLog: true}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		seen.Store(x.Request)
		all := ""
		for _, op := range r.process.AppendOps(nil)[1:] {
			all += op.Target + "\n"
		}
		ops.Store(&all)
		reply(store, x, "hello")
		return nil, nil
	}))
	long := strings.Repeat("a", 20<<10)
	for _, c := range []struct{ method, path, host string }{
		{"G\xff", "/", "a"}, {"G\u009b1m", "/", "a"}, {"G T", "/", "a"}, {long, "/", "a"},
		{"GET", "/\xff\u009b", "a"}, {"GET", "/?\xff\u009b", "a"}, {"GET", "/" + long, "a"}, {"GET", "/%ff%1b%zz", "a"},
		{"GET", "/", "\xff"}, {"GET", "/", "a\u009b1m"}, {"GET", "/", "a b"}, {"GET", "/", long}, {"GET", "\xff", "a"}, {"OPTIONS", "*", "a"},
	} {
		check := func(version string) {
			if q := seen.Swap(nil); q != nil {
				for _, s := range []string{q.Method, q.PathWithQuery, q.Authority} {
					if !utf8.ValidString(s) || strings.ContainsAny(s, " \x1b\u009b") {
						t.Errorf("%s: the component got %.100q", version, s)
					}
				}
			}
			if o := ops.Swap(nil); o != nil {
				isPrintable(t, *o)
			}
		}
		r.exchange(c.method + " " + c.path + " HTTP/1.1\r\nHost: " + c.host + "\r\nConnection: close\r\n\r\n")
		check("HTTP/1.1")
		raw := r.dial()
		f := http2.NewFramer(raw, raw)
		_, _ = io.WriteString(raw, http2.ClientPreface)
		_ = f.WriteSettings()
		var block bytes.Buffer
		enc := hpack.NewEncoder(&block)
		for _, h := range []hpack.HeaderField{{Name: ":method", Value: c.method}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: c.path}, {Name: ":authority", Value: c.host}} {
			_ = enc.WriteField(h)
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Next(16 << 10), EndHeaders: block.Len() == 0, EndStream: true})
		for block.Len() > 0 {
			_ = f.WriteContinuation(1, block.Len() <= 16<<10, block.Next(16<<10))
		}
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				break
			}
			if h := frame.Header(); h.StreamID == 1 && (h.Flags.Has(http2.FlagDataEndStream) || h.Type == http2.FrameRSTStream) {
				break
			}
		}
		_ = raw.Close()
		check("HTTP/2")
	}
	r.end()
	isPrintable(t, r.log.String())
}

// isPrintable fails a test if lines are not short, or have what is not printable.
func isPrintable(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 512 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
			t.Errorf("not printable, or too long: %.300q", line)
		}
	}
}
