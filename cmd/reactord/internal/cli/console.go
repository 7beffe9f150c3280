package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// consoleEncoder writes lines for people: the time, the level, the message, and the fields as key=value. Digests are short,
// as those that reactorctl shows and takes, and the default tenant is left out.
type consoleEncoder struct {
	zapcore.Encoder      // encodes the fields, as JSON
	colour          bool // colour the level
}

func newConsoleEncoder(colour bool) zapcore.Encoder {
	return consoleEncoder{zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeDuration: zapcore.StringDurationEncoder,
		SkipLineEnding: true,
	}), colour}
}

// Clone implements zapcore.Encoder.
func (e consoleEncoder) Clone() zapcore.Encoder { return consoleEncoder{e.Encoder.Clone(), e.colour} }

// EncodeEntry implements zapcore.Encoder.
func (e consoleEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	b, err := e.Encoder.EncodeEntry(zapcore.Entry{}, fields)
	if err != nil {
		return nil, err
	}
	pairs, err := keyValues(b.Bytes())
	if err != nil {
		return nil, err
	}
	b.Reset()
	b.AppendString(entry.Time.Format("15:04:05.000") + " ")
	level := entry.Level.CapitalString()
	if e.colour {
		b.AppendString(coloured(entry.Level))
	} else {
		b.AppendString(level)
	}
	const levelWidth = len("ERROR ")
	b.AppendString(strings.Repeat(" ", max(levelWidth-len(level), 1)) + printable.String(entry.Message))
	for i, pair := range pairs {
		gap := " "
		if i == 0 {
			gap = "  "
		}
		b.AppendString(gap + printable.String(pair))
	}
	b.AppendString("\n")
	return b, nil
}

// keyValues returns the members of a JSON object in their order, as key=value.
func keyValues(object []byte) (pairs []string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil { // the opening brace
		return nil, err
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("%v is not the key of a member", token)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		if key == "tenant" && string(value) == `"default"` {
			continue
		}
		if !plainWord.MatchString(key) {
			key = strconv.Quote(key)
		}
		pairs = append(pairs, key+"="+valueText(value))
	}
	return pairs, nil
}

// plainWord is a text that is read as one without quotes.
var plainWord = regexp.MustCompile(`^[^\s"=,\[\]{}\\\pC]+$`)

// digest is that of a module.
var digest = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{12})[0-9a-f]{52}$`)

// valueText is a value as people write it: words without quotes, and lists of words with commas. Other values stay JSON.
func valueText(value json.RawMessage) string {
	var words []string
	if json.Unmarshal(value, &words) != nil || len(words) == 0 {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return string(value)
		}
		words = []string{text}
	}
	for i, word := range words {
		if match := digest.FindStringSubmatch(word); match != nil {
			words[i] = match[1]
		} else if !plainWord.MatchString(word) {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, ",")
}
