package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// mostTokens bounds the tokens of a file: one may replace another while clients change over.
const mostTokens = 16

// ReadTokens reads a file of tokens that others keep, such as a secret that is mounted: one a line, each of which is taken. It
// refuses a file that all users may read, or others than its owner may write.
func ReadTokens(path string) (*Token, error) {
	tokens, _, err := readTokens(path)
	return tokens, err
}

func readTokens(path string) (*Token, stamp, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // non-blocking: a FIFO must not delay the start
	if err != nil {
		return nil, stamp{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, stamp{}, err
	}
	read := stamp{info.ModTime(), info}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, read, fmt.Errorf("%s is not a regular file", path)
	case mode.Perm()&0o027 != 0:
		return nil, read, fmt.Errorf("%s has mode %04o, so others may know or change the tokens: 0640 is the most it may have", path, mode.Perm())
	}
	_ = f.SetReadDeadline(time.Now().Add(patience)) // for what is a file only by its name, as some below /proc are
	text, err := io.ReadAll(io.LimitReader(f, mostTokens*mostToken+1))
	if err != nil {
		return nil, read, err
	}
	tokens := &Token{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := checkToken(line); err != nil {
			return nil, read, fmt.Errorf("%s %w", path, err)
		}
		tokens.add(line)
	}
	if len(tokens.hashes) == 0 || len(tokens.hashes) > mostTokens {
		return nil, read, fmt.Errorf("%s has %d tokens, not between 1 and %d", path, len(tokens.hashes), mostTokens)
	}
	return tokens, read, nil
}

// checkToken returns what is wrong with the text of a token.
func checkToken(token string) error {
	switch {
	case len(token) < leastToken || len(token) > mostToken:
		return fmt.Errorf("has a token of %d characters, not between %d and %d", len(token), leastToken, mostToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("has characters that are not allowed in metadata")
	}
	return nil
}

const (
	// followEvery is how often a file of tokens is looked at.
	followEvery = 2 * time.Second
	// hangs is when the log says that a look at one has not ended.
	hangs = 10 * time.Second
)

// FollowTokens calls onChange with the tokens of ReadTokens when the file has changed, until ctx ends. A file that cannot be used is
// logged once, and so is a file system that does not answer; what was read before then stays in use. It works on its caller's goroutine,
// and hangs as long as the file system does.
func FollowTokens(ctx context.Context, path string, log *zap.Logger, onChange func(*Token)) {
	ticks := time.NewTicker(followEvery)
	defer ticks.Stop()
	seen, failure := stamp{}, ""
	for {
		late := time.AfterFunc(hangs, func() { log.Error("the file of tokens does not answer: the tokens read before stay in use") })
		info, err := os.Stat(path)
		if err != nil || !seen.same(stamp{info.ModTime(), info}) {
			var tokens *Token
			if tokens, seen, err = readTokens(path); err == nil {
				failure = ""
				onChange(tokens)
			} else if err.Error() != failure {
				failure = err.Error()
				log.Error("the file of tokens cannot be used: the tokens read before stay in use", zap.Error(err))
			}
		}
		if !late.Stop() {
			log.Info("the file of tokens can be read again")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}
