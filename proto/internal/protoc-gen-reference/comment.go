package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
)

// paragraphs returns the paragraphs of a comment, each on one line.
func paragraphs(comment protogen.Comments) []string {
	var all []string
	for _, block := range strings.Split(trimLines(string(comment)), "\n\n") {
		if words := strings.Fields(block); len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
	}
	return all
}

// trimLines removes the spaces around each line.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// firstSentence returns the first sentence of a comment.
func firstSentence(comment protogen.Comments) string {
	all := paragraphs(comment)
	if len(all) == 0 {
		return ""
	}
	sentence, _, more := strings.Cut(all[0], ". ")
	if more {
		sentence += "."
	}
	return sentence
}

// withoutName removes the name that a comment begins with, and what says that the rest is what it names: "name is",
// "name are", "name:".
func withoutName(name, text string) string {
	rest, ok := strings.CutPrefix(text, name)
	if !ok {
		return text
	}
	for _, joint := range []string{": ", " is ", " are ", " "} {
		if rest, ok := strings.CutPrefix(rest, joint); ok {
			return rest
		}
	}
	return text
}

// errorList is what the comment of a call says of its errors.
type errorList struct {
	reasons []string
	remark  string
}

// splitErrors splits off the last paragraph of a call's comment: "Errors: A, B. A remark." or "Errors: none.". ok is
// false if it is not there.
func splitErrors(all []string) (about []string, list errorList, ok bool) {
	if len(all) == 0 {
		return nil, list, false
	}
	last := all[len(all)-1]
	text, ok := strings.CutPrefix(last, "Errors: ")
	if !ok {
		return all, list, false
	}
	names, remark, ok := strings.Cut(text, ".")
	list.remark = strings.TrimSpace(remark)
	if names != "none" {
		list.reasons = strings.Split(names, ", ")
	}
	return all[:len(all)-1], list, ok
}

// link returns a link to a heading.
func link(heading string) string { return "[" + heading + "](#" + anchor(heading) + ")" }

// anchor returns the anchor that Markdown renderers make of a heading.
func anchor(heading string) string {
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

func (p *page) paragraphs(all []string) {
	for _, text := range all {
		p.printf("\n%s\n", wrap(p.prose(text)))
	}
}

// width is where lines of text are wrapped.
const width = 120

// wrap breaks text into lines, at spaces.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch n := utf8.RuneCountInString(word); {
		case column == 0:
			column = n
		case column+1+n > width:
			b.WriteByte('\n')
			column = n
		default:
			b.WriteByte(' ')
			column += 1 + n
		}
		b.WriteString(word)
	}
	return b.String()
}

// cell returns text for a cell of a table.
func (p *page) cell(text string) string { return strings.ReplaceAll(p.prose(text), "|", `\|`) }

var (
	quoted = regexp.MustCompile(`"[^"]+"`)
	// identifier is a name that a reader would not take for an English word.
	identifier = regexp.MustCompile(`\b(?:[a-z][a-z0-9]*(?:[_.][a-z][a-z0-9]*)*_[a-z0-9_.]*[a-z0-9]|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`)
	camelCase  = regexp.MustCompile(`\b[A-Z][a-z]+(?:[A-Z][a-z0-9]*)+\b`)
)

// prose returns text as Markdown: quoted text and identifiers as code, names of what has a heading as links.
func (p *page) prose(text string) string {
	var b strings.Builder
	end := 0
	for _, at := range quoted.FindAllStringIndex(text, -1) {
		b.WriteString(p.words(text[end:at[0]]))
		b.WriteString("`" + text[at[0]+1:at[1]-1] + "`")
		end = at[1]
	}
	b.WriteString(p.words(text[end:]))
	return b.String()
}

// words is prose without quotes.
func (p *page) words(text string) string {
	text = camelCase.ReplaceAllStringFunc(escape(text), func(name string) string {
		if p.names[name] && name != p.section {
			return link(name)
		}
		return name
	})
	return identifier.ReplaceAllString(text, "`$0`")
}

// escape escapes what Markdown would take for markup: an underscore within a word is none.
func escape(text string) string {
	var b strings.Builder
	before := ' '
	for i, r := range text {
		after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		switch {
		case r == '<' || r == '>' || r == '*' || r == '[' || r == '`',
			r == '_' && !(inWord(before) && inWord(after)):
			b.WriteRune('\\')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
