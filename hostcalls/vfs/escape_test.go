package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pathOps are all operations on a path, each with the options that would do the most harm.
var pathOps = map[string]func(d *Dir, path string) error{
	"open": func(d *Dir, path string) error {
		return opened(d.Open(path, How{Read: true, Follow: true}))
	},
	"open folder": func(d *Dir, path string) error {
		return opened(d.Open(path, How{Read: true, Follow: true, Folder: true}))
	},
	"open no-follow": func(d *Dir, path string) error {
		return opened(d.Open(path, How{Read: true}))
	},
	"create": func(d *Dir, path string) error {
		return opened(d.Open(path, How{Write: true, Follow: true, Create: true, Truncate: true}))
	},
	"create exclusively": func(d *Dir, path string) error {
		return opened(d.Open(path, How{Write: true, Follow: true, Create: true, Exclusive: true}))
	},
	"stat": func(d *Dir, path string) error {
		_, err := d.Lstat(path, true)
		return err
	},
	"stat no-follow": func(d *Dir, path string) error {
		_, err := d.Lstat(path, false)
		return err
	},
	"set times": func(d *Dir, path string) error {
		return d.SetTimesOf(path, true, At(time.Unix(1, 0)), Now())
	},
	"set times no-follow": func(d *Dir, path string) error {
		return d.SetTimesOf(path, false, At(time.Unix(1, 0)), Now())
	},
	"mkdir":   func(d *Dir, path string) error { return d.Mkdir(path) },
	"rmdir":   func(d *Dir, path string) error { return d.Rmdir(path) },
	"unlink":  func(d *Dir, path string) error { return d.Unlink(path) },
	"symlink": func(d *Dir, path string) error { return d.Symlink("target", path) },
	"readlink": func(d *Dir, path string) error {
		_, err := d.Readlink(path)
		return err
	},
	"link from":   func(d *Dir, path string) error { return d.Link(path, d, "stolen") },
	"link to":     func(d *Dir, path string) error { return d.Link("mine", d, path) },
	"rename from": func(d *Dir, path string) error { return d.Rename(path, d, "stolen") },
	"rename to":   func(d *Dir, path string) error { return d.Rename("mine", d, path) },
}

func opened(n Node, err error) error {
	if err == nil {
		n.Close()
	}
	return err
}

// TestNoEscape tries every operation on every path that leads out through a folder on its way.
func TestNoEscape(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/a/b")
	f.hostWrite("granted/mine", "mine")
	f.hostSymlink(f.outside, "granted/absolute")
	f.hostSymlink("../outside", "granted/relative")
	f.hostSymlink("relative", "granted/chain")
	f.hostSymlink("./chain/../outside", "granted/zigzag")
	f.hostSymlink("../../../outside", "granted/a/b/up")
	f.hostSymlink("..", "granted/parent")
	f.hostSymlink(".", "granted/self")
	f.hostSymlink("/proc/self/root"+f.outside, "granted/proc")
	f.hostSymlink("/proc/self/cwd", "granted/cwd")
	f.hostSymlink("../granted/../outside", "granted/outandin")
	before := tree(t, f.base)

	for _, way := range []string{
		"..",
		"../outside",
		"./../outside",
		"a/../../outside",
		"a/b/../../../outside",
		"../granted",     // back in again
		"../granted/a/b", // the same, deeper
		strings.Repeat("a/../", 7) + "../outside",
		strings.Repeat("../", 1000) + f.outside[1:],
		f.outside,
		f.granted, // absolute, to what is granted
		"/",
		"//outside",
		"absolute",
		"relative",
		"relative/folder",
		"chain",
		"zigzag",
		"a/b/up",
		"a/b/up/folder",
		"parent",
		"parent/outside",
		"parent/granted",
		"self/../../outside",
		"self/self/self/../../outside",
		"self/relative",
		"a/b/../../relative",
		"proc",
		"cwd",
		"outandin",
	} {
		for name, op := range pathOps {
			for _, last := range []string{"/secret", "/new", "/folder", "/folder/", "/."} {
				if err := op(f.dir, way+last); !errors.Is(err, ErrEscapes) {
					t.Errorf("%s %.40s: %v; want %v", name, way+last, err, ErrEscapes)
				}
			}
		}
	}
	unchanged(t, f.base, before)
}

// TestNoEscapeByLastName tries links as last names, which some operations follow and others act on.
func TestNoEscapeByLastName(t *testing.T) {
	for _, link := range []struct{ name, target string }{
		{"absolute file", "OUTSIDE/secret"},
		{"absolute folder", "OUTSIDE"},
		{"relative file", "../outside/secret"},
		{"relative folder", "../outside"},
		{"dangling absolute", "OUTSIDE/new"},
		{"dangling relative", "../outside/new"},
		{"parent", ".."},
		{"parent slash", "../"},
		{"root", "/"},
	} {
		t.Run(link.name, func(t *testing.T) {
			f := newFixture(t, false)
			f.hostSymlink(strings.Replace(link.target, "OUTSIDE", f.outside, 1), "granted/link")
			before := tree(t, f.outside)
			for _, name := range []string{"open", "open folder", "create", "stat", "set times"} {
				for _, path := range []string{"link", "link/", "./link/."} {
					if err := pathOps[name](f.dir, path); !errors.Is(err, ErrEscapes) {
						t.Errorf("%s %s: %v; want %v", name, path, err, ErrEscapes)
					}
				}
			}
			if err := pathOps["create exclusively"](f.dir, "link"); !errors.Is(err, syscall.EEXIST) {
				t.Errorf("create exclusively: %v; want EEXIST", err)
			}
			for name, op := range pathOps {
				_ = op(f.dir, "link/") // whatever it does, not out there
				if _, err := os.Lstat(filepath.Join(f.granted, "link")); err != nil {
					t.Fatalf("%s link/: the link is gone: %v", name, err)
				}
			}
			if err := f.dir.Link("link", f.dir, "copy"); err != nil { // of the link, not its target
				t.Errorf("link: %v", err)
			}
			if err := f.dir.Unlink("link"); err != nil {
				t.Errorf("unlink: %v", err)
			}
			unchanged(t, f.outside, before)
		})
	}
}

// TestSubfolderIsACapability: a Dir opened through another does not lead further up than to itself.
func TestSubfolderIsACapability(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/a/b")
	f.hostWrite("granted/mine", "mine")
	f.hostWrite("granted/a/mine", "mine")
	f.hostSymlink("../mine", "granted/a/up")
	sub := f.openDir("a")
	for _, path := range []string{"..", "../mine", "b/../../mine", "up"} {
		if err := pathOps["open"](sub, path); !errors.Is(err, ErrEscapes) {
			t.Errorf("open %s: %v; want %v", path, err, ErrEscapes)
		}
	}
	if err := pathOps["open"](f.dir, "a/up"); err != nil {
		t.Errorf("the same link through the folder above: %v", err)
	}

	// Moved elsewhere, it is still itself and nothing more.
	f.must(os.Rename(filepath.Join(f.granted, "a"), filepath.Join(f.outside, "a")))
	if err := pathOps["open"](sub, "mine"); err != nil {
		t.Errorf("open in a folder that was moved: %v", err)
	}
	for _, path := range []string{"..", "../secret", "b/../../secret"} {
		if err := pathOps["open"](sub, path); !errors.Is(err, ErrEscapes) {
			t.Errorf("open %s in a folder that was moved: %v; want %v", path, err, ErrEscapes)
		}
	}
}

func TestSymlinkTargets(t *testing.T) {
	f := newFixture(t, false)
	for target, want := range map[string]error{
		"/":              ErrEscapes,
		"/etc/passwd":    ErrEscapes,
		"//x":            ErrEscapes,
		"":               syscall.ENOENT,
		"..":             nil, // refused when it is followed
		"../outside":     nil,
		"a\x00b":         syscall.EINVAL,
		"does/not/exist": nil,
	} {
		if err := f.dir.Symlink(target, "link"); !errors.Is(err, want) {
			t.Errorf("symlink to %q: %v; want %v", target, err, want)
		}
		os.Remove(filepath.Join(f.granted, "link"))
	}
}
