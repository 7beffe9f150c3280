package vfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Lstat returns the attributes of path. If its last name is a symbolic link, they are those of the target with
// follow, and otherwise those of the link.
func (d *Dir) Lstat(path string, follow bool) (Stat, error) {
	p, err := split(path)
	if err != nil {
		return Stat{}, err
	}
	var s Stat
	err = d.follow(p, func(p place, dirfd int) error {
		s, err = statName(p, dirfd, follow)
		return err
	})
	return s, err
}

// statName returns the attributes of p's name, or errIsLink if that is a link to be followed.
func statName(p place, dirfd int, follow bool) (Stat, error) {
	s, err := lstatat(dirfd, p.name)
	switch {
	case err != nil:
		return Stat{}, err
	case s.Type == Symlink && (follow || p.slash):
		return Stat{}, errIsLink
	case p.slash && s.Type != Folder:
		return Stat{}, syscall.ENOTDIR
	}
	return s, nil
}

// SetTimesOf sets the times of path. If its last name is a symbolic link, it sets those of the target with follow,
// and otherwise those of the link.
func (d *Dir) SetTimesOf(path string, follow bool, atime, mtime Time) error {
	p, err := split(path)
	if err != nil {
		return err
	}
	if err := d.mutable(); err != nil {
		return err
	}
	return d.follow(p, func(p place, dirfd int) error {
		if _, err := statName(p, dirfd, follow); err != nil {
			return err
		}
		return setTimesAt(dirfd, p.name, atime, mtime)
	})
}

// Mkdir makes a folder.
func (d *Dir) Mkdir(path string) error {
	return d.change(path, func(p place, dirfd int) error {
		return unix.Mkdirat(dirfd, p.name, 0o777)
	})
}

// Rmdir removes an empty folder.
func (d *Dir) Rmdir(path string) error {
	return d.change(path, func(p place, dirfd int) error {
		return unix.Unlinkat(dirfd, p.name, unix.AT_REMOVEDIR)
	})
}

// Unlink removes a name that is not a folder.
func (d *Dir) Unlink(path string) error {
	return d.change(path, func(p place, dirfd int) error {
		if p.slash {
			return slashError(p, dirfd, syscall.EISDIR)
		}
		return unix.Unlinkat(dirfd, p.name, 0)
	})
}

// Symlink makes a symbolic link to target at path. An absolute target is refused with ErrEscapes. A target that
// leads outwards by `..` is allowed, and refused when it is followed: a rename may change where it leads anyway.
func (d *Dir) Symlink(target, path string) error {
	switch {
	case target == "":
		return syscall.ENOENT
	case target[0] == '/':
		return ErrEscapes
	}
	return d.change(path, func(p place, dirfd int) error {
		if p.slash {
			return slashError(p, dirfd, syscall.EEXIST)
		}
		return unix.Symlinkat(target, dirfd, p.name)
	})
}

// Readlink returns the target of the symbolic link at path.
func (d *Dir) Readlink(path string) (string, error) {
	p, err := split(path)
	if err != nil {
		return "", err
	}
	var target string
	err = d.at(p, func(dirfd int, name string) error {
		if p.slash {
			return slashError(p, dirfd, syscall.EINVAL)
		}
		target, err = readlinkat(dirfd, name)
		return err
	})
	return target, err
}

// Link makes newPath in the Dir to another name of the file at path. Links are not followed. Both Dirs must be
// writable, since the file could be changed by its name in a writable Dir.
func (d *Dir) Link(path string, to *Dir, newPath string) error {
	return d.changeBoth(path, to, newPath, func(old place, oldfd int, p place, dirfd int) error {
		if p.slash {
			return slashError(p, dirfd, syscall.EEXIST)
		}
		if old.slash {
			return slashError(old, oldfd, syscall.EPERM)
		}
		return unix.Linkat(oldfd, old.name, dirfd, p.name, 0)
	})
}

// Rename moves path to newPath in the Dir to. It replaces what is there, if that has the same kind and is not a
// folder with entries. Links are not followed.
func (d *Dir) Rename(path string, to *Dir, newPath string) error {
	return d.changeBoth(path, to, newPath, func(old place, oldfd int, p place, dirfd int) error {
		if old.slash || p.slash {
			s, err := lstatat(oldfd, old.name)
			if err != nil {
				return err
			}
			if s.Type != Folder {
				return syscall.ENOTDIR
			}
		}
		return unix.Renameat(oldfd, old.name, dirfd, p.name)
	})
}

// change runs op, which changes something, on the folder that contains path's last name.
func (d *Dir) change(path string, op func(p place, dirfd int) error) error {
	p, err := split(path)
	if err != nil {
		return err
	}
	if err := d.mutable(); err != nil {
		return err
	}
	return d.at(p, func(dirfd int, _ string) error {
		return retry(func() error { return op(p, dirfd) })
	})
}

// changeBoth is change for an operation on two paths.
func (d *Dir) changeBoth(path string, to *Dir, newPath string, op func(old place, oldfd int, p place, dirfd int) error) error {
	return d.change(path, func(old place, oldfd int) error {
		return to.change(newPath, func(p place, dirfd int) error {
			return op(old, oldfd, p, dirfd)
		})
	})
}

// slashError returns the error for a path that ends in a slash where a folder is not allowed: ifFolder if it is a
// folder. (The slash cannot be passed to the system: some systems follow a link before it.)
func slashError(p place, dirfd int, ifFolder error) error {
	s, err := lstatat(dirfd, p.name)
	switch {
	case err != nil:
		return err
	case s.Type == Folder:
		return ifFolder
	}
	return syscall.ENOTDIR
}
