package help

import (
	"regexp"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// definition is an indented line of a term and, after several spaces, the text about it.
var definition = regexp.MustCompile(`^ +\S+(?: \S+)* {2,}`)

// Fill returns text with its paragraphs filled to that many columns. Indented lines stay lines of their own, and what of
// them does not fit goes on below their text: below the second column if they have two, as do the lines of the source
// that are indented as far. A line that begins with a tab is a command for a shell, and so it is when it has been broken.
func Fill(text string, columns int) string {
	var filled strings.Builder
	b := block{columns: columns, out: &filled}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		b.add(line)
	}
	b.end()
	return strings.TrimRight(filled.String(), "\n")
}

// block is the paragraph or the indented text that is being read.
type block struct {
	columns int
	out     *strings.Builder
	first   string // what the first line begins with
	indent  int    // of the lines after it
	words   []string
	joint   string // what a line ends in that goes on in the next
}

func (b *block) add(line string) {
	trimmed := strings.TrimLeft(line, " ")
	indent := len(line) - len(trimmed)
	switch {
	case trimmed == "":
		b.end()
		b.out.WriteString("\n")
		return
	case strings.HasPrefix(line, "\t"):
		b.end()
		b.first, b.indent, b.joint = "    ", 6, ` \`
		b.words = strings.Split(strings.TrimSpace(line), " ")
		b.end()
		return
	case len(b.words) > 0 && indent == b.indent && (indent == 0 || strings.TrimSpace(b.first) != ""):
		// It goes on: a paragraph, or what is below the second column.
	default:
		b.end()
		b.first = line[:indent]
		if head := definition.FindString(line); head != "" {
			b.first, trimmed = head, line[len(head):]
		}
		b.indent = screen.Width(b.first)
	}
	b.words = append(b.words, strings.Fields(trimmed)...)
}

// end writes the block.
func (b *block) end() {
	if len(b.words) == 0 {
		return
	}
	line := b.first + b.words[0]
	for _, word := range b.words[1:] {
		if screen.Width(line)+1+screen.Width(word)+len(b.joint) > b.columns {
			b.out.WriteString(line + b.joint + "\n")
			line = strings.Repeat(" ", b.indent) + word
			continue
		}
		line += " " + word
	}
	b.out.WriteString(line + "\n")
	b.words, b.joint = nil, ""
}
