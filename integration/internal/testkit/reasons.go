package testkit

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Listing is what the .proto files say of the reasons of errors.
type Listing struct {
	// Calls has the reasons that each call has of its own, by the call's name: "GetNode".
	Calls map[string][]string
	// Common are the reasons that every call may have.
	Common []string
}

// Lists reports whether a call may fail with a reason.
func (l Listing) Lists(call, reason string) bool {
	own, known := l.Calls[call]
	return known && (slices.Contains(own, reason) || slices.Contains(l.Common, reason))
}

// Reasons reads the .proto files.
var Reasons = sync.OnceValues(func() (Listing, error) {
	_, here, _, _ := runtime.Caller(0)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(here), "../../../proto/reactor/v1/*.proto"))
	if err != nil {
		return Listing{}, err
	}
	if len(files) == 0 {
		return Listing{}, errors.New("there are no .proto files")
	}
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return Listing{}, err
		}
		text.Write(content)
	}
	return parseReasons(text.String()), nil
})

var (
	commentMark  = regexp.MustCompile(`\n *// ?`)
	commonErrors = regexp.MustCompile(`Every call may fail with ([^.]*)\.`)
	callErrors   = regexp.MustCompile(`Errors: ([^\n;]*)\n *rpc (\w+)`)
	errorsOf     = regexp.MustCompile(`each error of (\w+)`)
	reason       = regexp.MustCompile(`\b[A-Z][A-Z_]+[A-Z]\b`)
)

// parseReasons finds the reasons in the text of .proto files: in the paragraph "Errors: ..." before each call, its remark
// on the results of a batch included, and in the sentence that begins with "Every call may fail with".
func parseReasons(text string) Listing {
	text = commentMark.ReplaceAllString(text, " ")
	l := Listing{Calls: map[string][]string{}, Common: reason.FindAllString(commonErrors.FindString(text), -1)}
	for _, match := range callErrors.FindAllStringSubmatch(text, -1) {
		list, call := match[1], match[2]
		l.Calls[call] = reason.FindAllString(list, -1)
		if other := errorsOf.FindStringSubmatch(list); other != nil {
			l.Calls[call] = append(l.Calls[call], l.Calls[other[1]]...)
			slices.Sort(l.Calls[call])
			l.Calls[call] = slices.Compact(l.Calls[call])
		}
	}
	return l
}

// reasonCheck notes the errors of calls that the .proto files do not list.
type reasonCheck struct {
	mu   sync.Mutex
	seen map[string]bool // "CALL: REASON"
}

// options returns the options of a client whose errors are checked.
func (c *reasonCheck) options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream)}
}

func (c *reasonCheck) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	c.note(method, err)
	switch reply := reply.(type) {
	case *reactorv1.SubmitWorkloadsResponse:
		for _, result := range reply.GetResults() {
			c.noteItem(method, result.GetError())
		}
	case *reactorv1.CancelWorkloadsResponse:
		for _, result := range reply.GetResults() {
			c.noteItem(method, result.GetError())
		}
	}
	return err
}

func (c *reasonCheck) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, conn, method, opts...)
	c.note(method, err)
	if err != nil {
		return nil, err
	}
	return &checkedStream{stream, c, method}, nil
}

type checkedStream struct {
	grpc.ClientStream
	check  *reasonCheck
	method string
}

// RecvMsg implements grpc.ClientStream.
func (s *checkedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	s.check.note(s.method, err)
	return err
}

// note notes the reason of a call's error, if it has one.
func (c *reasonCheck) note(method string, err error) {
	if reason := ReasonOf(err); reason != "" {
		c.add(method, reason)
	}
}

// noteItem notes the reason of one item of a batch; nil if it has no error.
func (c *reasonCheck) noteItem(method string, e *reactorv1.Error) {
	if e != nil {
		c.add(method, strings.TrimPrefix(e.GetReason().String(), "ERROR_REASON_"))
	}
}

func (c *reasonCheck) add(method, reason string) {
	if !strings.HasPrefix(method, "/reactor.v1.") {
		return // health and reflection are not ours to document
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[filepath.Base(method)+": "+reason] = true
}

// report fails the test for each error that the .proto files do not list.
func (c *reasonCheck) report(t testing.TB) {
	t.Helper()
	listing, err := Reasons()
	if err != nil {
		t.Error(err)
		return
	}
	for _, pair := range c.unlisted(listing) {
		t.Errorf("a call failed with an error that its comment in the .proto file does not list after \"Errors:\": %s", pair)
	}
}

// unlisted returns what was noted and is not listed.
func (c *reasonCheck) unlisted(listing Listing) (pairs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pair := range slices.Sorted(maps.Keys(c.seen)) {
		call, reason, _ := strings.Cut(pair, ": ")
		if !listing.Lists(call, reason) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// ReasonOf returns the reason of an error of the API; empty if it has none.
func ReasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
