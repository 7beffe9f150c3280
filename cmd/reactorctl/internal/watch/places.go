package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Place is a folder, and which of the files in it are watched.
type Place struct {
	Folder string
	// Match says which names count, of files and folders; nil means all but hidden ones and editors' backups.
	Match func(name string) bool
	// Deep watches all folders below as well, except hidden ones.
	Deep bool
	// Except is the absolute path of a file that does not count, or empty.
	Except string
}

// Path returns the places of one path: a file, or a folder with all that is below it but one file, if except is not empty.
func Path(path, except string) ([]Place, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return File(path), nil
	}
	place := Place{Folder: path, Deep: true}
	if except != "" {
		place.Except, err = filepath.Abs(except)
	}
	return []Place{place}, err
}

// File returns the places of a file, which need not exist. If it is a link, the file that it leads to is watched too.
func File(path string) []Place {
	places := []Place{named(path)}
	if target, err := filepath.EvalSymlinks(path); err == nil && target != filepath.Clean(path) {
		places = append(places, named(target))
	}
	return places
}

func named(path string) Place {
	base := filepath.Base(path)
	return Place{Folder: filepath.Dir(path), Match: func(name string) bool { return name == base }}
}

// counts reports whether a change of a name in the folder is one of the place's.
func (p Place) counts(name string) bool {
	if p.Except != "" && p.Except == filepath.Join(p.Folder, name) {
		return false
	}
	if p.Match != nil {
		return p.Match(name)
	}
	return !hidden(name) && !strings.HasSuffix(name, "~") && name != vimProbe
}

// vimProbe is the file that vim makes to see whether it may make one.
const vimProbe = "4913"

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// existing returns the place itself, or, if its folder is not there, one that waits for the folder or for what has to be
// made first.
func (p Place) existing() Place {
	for {
		if info, err := os.Stat(p.Folder); err == nil && info.IsDir() || filepath.Dir(p.Folder) == p.Folder {
			return p
		}
		p = named(p.Folder)
	}
}

// below returns a place's folder, and those below it that are watched with it. Folders that cannot be read are left out.
func (p Place) below() ([]Place, error) {
	if !p.Deep {
		return []Place{p}, nil
	}
	var all []Place
	err := filepath.WalkDir(p.Folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == p.Folder:
			return err
		case err != nil:
			return nil //nolint:nilerr // a folder below that cannot be read
		case !entry.IsDir():
			return nil
		case path != p.Folder && hidden(entry.Name()):
			return filepath.SkipDir
		}
		place := p
		place.Folder = path
		all = append(all, place)
		return nil
	})
	return all, err
}
