package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/component/binary"
)

// maxPlugs bounds the plugs, all of which are looked at for each import.
const maxPlugs = 100

// plugged is an import that a plug is for.
type plugged struct {
	by     *part
	export *binary.Export
	index  *uint32 // in the result, once it is there
}

// decode decodes and checks the parts.
func (j *joiner) decode(socket Part, plugs []Plug) error {
	if len(plugs) > maxPlugs {
		return fmt.Errorf("%d plugs, the limit is %d", len(plugs), maxPlugs)
	}
	p, err := j.part(socket)
	if err != nil {
		return err
	}
	j.parts = []*part{p}
	for _, plug := range plugs {
		p := j.plugOf(plug.Binary)
		if p == nil {
			if p, err = j.part(plug.Part); err != nil {
				return err
			}
			p.imported = map[string]bool{}
			j.parts = append(j.parts, p)
		}
		p.imported[plug.Import] = true
	}
	return nil
}

// plugOf returns the plug of some bytes, or nil.
func (j *joiner) plugOf(bytes []byte) *part {
	for _, p := range j.parts[1:] {
		if string(p.Binary) == string(bytes) {
			return p
		}
	}
	return nil
}

// plug finds the plugs for all imports.
func (j *joiner) plug() {
	for n, p := range j.parts {
		candidates := slices.Concat(j.parts[n+1:], j.parts[min(1, n):n])
		for _, i := range p.imports {
			key := compatibleKey(i.Name.Text)
			for _, by := range candidates {
				if export := by.exportFor(i, key); export != nil && by.isFor(i) && !by.needs(p) {
					p.plugged[i] = &plugged{by: by, export: export}
					p.sources[by] = true
					break
				}
			}
		}
	}
}

// isFor reports whether a plug is meant for an import.
func (p *part) isFor(i *binary.Import) bool {
	return p.imported[""] || p.imported[i.Name.Text] || p.imported[unversioned(i.Name.Text)]
}

// means reports whether a plug's Import means an import of a name: it is that, or that without its version.
func means(imp, name string) bool { return imp == name || imp == unversioned(name) }

// unversioned is the name of an import without its version.
func unversioned(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return name
}

// needs reports whether the part gets something from another one, or from one that does. There are no circles.
func (p *part) needs(other *part) bool {
	seen := map[*part]bool{}
	var search func(p *part) bool
	search = func(p *part) bool {
		if p == other {
			return true
		}
		if seen[p] {
			return false
		}
		seen[p] = true
		for by := range p.sources {
			if search(by) {
				return true
			}
		}
		return false
	}
	return search(p)
}

// checkUse returns an error if a plug is for nothing.
func (j *joiner) checkUse(plugs []Plug) error {
	for _, plug := range plugs {
		if by := j.plugOf(plug.Binary); !j.isUsed(by, plug.Import) {
			return j.useless(by, plug)
		}
	}
	return nil
}

// isUsed reports whether a part that the socket needs gets an import, or any, from a plug.
func (j *joiner) isUsed(by *part, imp string) bool {
	for _, p := range j.parts {
		if p != j.socket() && !j.socket().needs(p) {
			continue
		}
		for i, plug := range p.plugged {
			if plug.by == by && (imp == "" || means(imp, i.Name.Text)) {
				return true
			}
		}
	}
	return false
}

// useless returns the error of a plug that is for nothing.
func (j *joiner) useless(by *part, plug Plug) error {
	socket := j.socket()
	for _, i := range socket.imports {
		given := socket.plugged[i]
		if given != nil && by.isFor(i) && by.exportFor(i, compatibleKey(i.Name.Text)) != nil {
			return fmt.Errorf("%s is of no use: %s gives %s already", plug.Name, given.by.Name, i.Name.Text)
		}
	}
	switch {
	case plug.Import == "":
		return fmt.Errorf("%s exports nothing that %s imports: it exports %s; %s imports %s",
			plug.Name, socket.Name, list(by.exportNames()), socket.Name, list(socket.importNames()))
	case !slices.ContainsFunc(socket.importNames(), func(name string) bool { return means(plug.Import, name) }):
		return fmt.Errorf("%s does not import %s; it imports %s", socket.Name, plug.Import, list(socket.importNames()))
	}
	return fmt.Errorf("%s does not export %s; it exports %s", plug.Name, plug.Import, list(by.exportNames()))
}
