package source

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// longestLine bounds what is kept of a line that has not ended.
const longestLine = 64 << 10

// position is the file at the beginning of a message of the go command; it may stand behind blanks.
var position = regexp.MustCompile(`^(\s*)([^\s:][^:]*):\d+`)

// positions passes on what the go command writes in a folder. The command names files from there; positions names them
// from the current folder, so that people and their editors find them.
type positions struct {
	folder string
	out    io.Writer
	rest   []byte // a line that has not ended
}

func (p *positions) Write(text []byte) (int, error) {
	p.rest = append(p.rest, text...)
	for {
		line, rest, ended := bytes.Cut(p.rest, []byte("\n"))
		if !ended && len(line) < longestLine {
			return len(text), nil
		}
		p.rest = rest
		if ended {
			line = append(p.named(line), '\n')
		}
		if _, err := p.out.Write(line); err != nil {
			return 0, err
		}
	}
}

// Close passes on a last line that has no end.
func (p *positions) Close() error {
	if len(p.rest) == 0 {
		return nil
	}
	line := p.named(p.rest)
	p.rest = nil
	_, err := p.out.Write(line)
	return err
}

// named returns a copy of the line, with a file that is there named from the current folder.
func (p *positions) named(line []byte) []byte {
	at := position.FindSubmatchIndex(line)
	if at == nil {
		return bytes.Clone(line)
	}
	begin, end := at[4], at[5]
	file := string(line[begin:end])
	path := filepath.Join(p.folder, file)
	if _, err := os.Stat(path); err != nil || filepath.IsAbs(file) || filepath.Clean(p.folder) == "." {
		return bytes.Clone(line)
	}
	return append(append(bytes.Clone(line[:begin]), path...), line[end:]...)
}
