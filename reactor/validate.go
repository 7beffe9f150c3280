package reactor

import (
	"fmt"
	"net"
	pathpkg "path"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/selector"
)

const (
	maxIDBytes        = 128
	maxNameBytes      = 128
	maxGuestPathBytes = 4096
)

// checkID checks a workload's id: letters, digits and "._-".
func checkID(f *errs.Faults, path, id string) {
	switch {
	case len(id) > maxIDBytes:
		f.Add(path, "%d bytes are more than the %d allowed", len(id), maxIDBytes)
	case !isName(id, "._-"):
		f.Add(path, "%q is not an id: letters, digits and \"._-\" are allowed", id)
	}
}

// checkNewID checks an id that a workload is to have. It begins as a word does, because "." and ".." are
// no names in a path or a URL, and "-x" is a flag to a command. Those that were taken before can
// still be looked up.
func checkNewID(f *errs.Faults, path, id string) {
	before := len(*f)
	checkID(f, path, id)
	if len(*f) == before && !beginsAsWord(id) {
		f.Add(path, "%q does not begin with a letter, a digit or \"_\"", id)
	}
}

// checkNewTag checks a tag that a module is to have: its parts between slashes begin as words do.
func checkNewTag(f *errs.Faults, path, tag string) {
	before := len(*f)
	checkTag(f, path, tag)
	if len(*f) > before {
		return
	}
	for part := range strings.SplitSeq(tag, "/") {
		if !beginsAsWord(part) {
			f.Add(path, "%q has a part between slashes that does not begin with a letter, a digit or \"_\"", tag)
			return
		}
	}
}

func beginsAsWord(s string) bool {
	return s != "" && isName(s[:1], "_")
}

// climbs tells whether s, taken for a path, has parts that are no names.
func climbs(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// checkTag checks a tag: letters, digits and "._-/:". What looks like a digest is none, because a
// module is named by either.
func checkTag(f *errs.Faults, path, tag string) {
	switch {
	case tag == "":
		f.Add(path, "a tag must not be empty")
	case len(tag) > maxNameBytes:
		f.Add(path, "%d bytes are more than the %d allowed", len(tag), maxNameBytes)
	case !isName(tag, "._-/:"):
		f.Add(path, "%q is not a tag: letters, digits and \"._-/:\" are allowed", tag)
	case strings.HasPrefix(tag, digestPrefix):
		f.Add(path, "%q begins as a digest does", tag)
	}
}

// isName tells whether s has letters, digits and the other characters only.
func isName(s, others string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(others, c))
	})
}

// checkSpec finds what is wrong with a spec as far as it shows in the spec itself, with limits
// filled in. It is pure: it looks at no module, no file and no clock.
func checkSpec(f *errs.Faults, cfg *Config, spec *api.Spec, limits api.Limits) {
	if spec.Module == "" {
		f.Add("spec.module", "a module is required: a digest or a tag")
	}
	checkText(f, "spec.name", spec.Name, maxNameBytes)
	checkLabels(f, spec.Labels, cfg.MaxLabels)
	checkArguments(f, cfg, spec)
	if len(spec.Stdin) > cfg.MaxStdinBytes {
		f.Add("spec.stdin", "%d bytes are more than the %d allowed; attach instead", len(spec.Stdin), cfg.MaxStdinBytes)
	}
	if strings.ContainsRune(spec.Invoke, 0) || !utf8.ValidString(spec.Invoke) {
		f.Add("spec.invoke", "is not the name of an export")
	}
	checkGrants(f, spec.Grants, cfg.MaxGrants)
	checkLimits(f, cfg, spec, limits)
}

// checkText checks what is shown to people.
func checkText(f *errs.Faults, path, s string, most int) {
	if len(s) > most {
		f.Add(path, "%d bytes are more than the %d allowed", len(s), most)
	}
	if !utf8.ValidString(s) {
		f.Add(path, "is not valid UTF-8")
	} else if i := strings.IndexFunc(s, unprintable); i >= 0 {
		f.Add(path, "has a control character at byte %d", i)
	}
}

// unprintable tells of characters that are not seen but change how others are: controls, marks of
// direction, separators of lines. The two joiners are letters to some scripts.
func unprintable(c rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && c != nonJoiner && c != joiner
}

func checkLabels(f *errs.Faults, labels map[string]string, most int) {
	if len(labels) > most {
		f.Add("spec.labels", "%d labels are more than the %d allowed", len(labels), most)
		return
	}
	for k, v := range labels {
		path := fmt.Sprintf("spec.labels[%q]", k)
		if err := selector.CheckKey(k); err != nil {
			f.Add(path, "%v", err)
		} else if climbs(k) {
			f.Add(path, "\".\" and \"..\" are no parts of a label's key")
		}
		if err := selector.CheckValue(v); err != nil {
			f.Add(path, "%v", err)
		} else if climbs(v) {
			f.Add(path, "\".\" and \"..\" are no parts of a label's value")
		}
	}
}

func checkArguments(f *errs.Faults, cfg *Config, spec *api.Spec) {
	total := 0
	if len(spec.Args) > cfg.MaxArguments {
		f.Add("spec.args", "%d arguments are more than the %d allowed", len(spec.Args), cfg.MaxArguments)
	} else {
		for i, arg := range spec.Args {
			checkString(f, func() string { return fmt.Sprintf("spec.args[%d]", i) }, arg)
		}
	}
	if len(spec.Env) > cfg.MaxArguments {
		f.Add("spec.env", "%d variables are more than the %d allowed", len(spec.Env), cfg.MaxArguments)
	} else {
		for k, v := range spec.Env {
			path := func() string { return fmt.Sprintf("spec.env[%q]", k) }
			if k == "" || strings.Contains(k, "=") {
				f.Add(path(), "the name of a variable must not be empty nor contain \"=\"")
			}
			checkString(f, path, k)
			checkString(f, path, v)
		}
	}
	for _, arg := range spec.Args {
		total += len(arg) + 1
	}
	for k, v := range spec.Env {
		total += len(k) + len(v) + 2
	}
	if total > cfg.MaxArgumentBytes {
		f.Add("spec.args", "arguments and environment have %d bytes, more than the %d allowed; use stdin or a granted folder", total, cfg.MaxArgumentBytes)
	}
}

// checkString checks what a guest gets as a C string.
func checkString(f *errs.Faults, path func() string, s string) {
	if strings.IndexByte(s, 0) >= 0 {
		f.Add(path(), "contains a zero byte")
	}
	if !utf8.ValidString(s) {
		f.Add(path(), "is not valid UTF-8")
	}
}

func checkGrants(f *errs.Faults, grants []api.Grant, most int) {
	if len(grants) > most {
		f.Add("spec.grants", "%d grants are more than the %d allowed", len(grants), most)
		return
	}
	guestPaths := map[string]int{}
	for i, g := range grants {
		path := fmt.Sprintf("spec.grants[%d]", i)
		switch g := g.(type) {
		case api.DirectoryGrant:
			checkDirectory(f, path+".directory", g)
			if first, ok := guestPaths[g.GuestPath]; ok {
				f.Add(path+".directory.guest_path", "%q is taken by grant %d", g.GuestPath, first)
			} else {
				guestPaths[g.GuestPath] = i
			}
		case api.ListenerGrant:
			checkAddress(f, path+".listener.address", g.Address, 0)
		case api.ConnectionGrant:
			checkAddress(f, path+".connection.address", g.Address, 1)
		default:
			f.Add(path, "one of directory, listener and connection is required")
		}
	}
}

func checkDirectory(f *errs.Faults, path string, g api.DirectoryGrant) {
	if !filepath.IsAbs(g.HostPath) || strings.IndexByte(g.HostPath, 0) >= 0 {
		f.Add(path+".host_path", "%q is not an absolute path on the daemon's machine", g.HostPath)
	}
	switch {
	case g.GuestPath == "":
		f.Add(path+".guest_path", "a name for the guest to see the folder under is required")
	case len(g.GuestPath) > maxGuestPathBytes:
		f.Add(path+".guest_path", "%d bytes are more than the %d allowed", len(g.GuestPath), maxGuestPathBytes)
	case pathpkg.Clean(g.GuestPath) != g.GuestPath || strings.HasPrefix(g.GuestPath, ".."):
		f.Add(path+".guest_path", "%q is not a plain path: write it without empty, \".\" and \"..\" parts", g.GuestPath)
	default:
		checkString(f, func() string { return path + ".guest_path" }, g.GuestPath)
	}
}

// checkAddress checks HOST:PORT. A listener may have no host, and port 0.
func checkAddress(f *errs.Faults, path, address string, lowest int) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		f.Add(path, "%q is not HOST:PORT", address)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || int(n) < lowest {
		f.Add(path, "%q is not a port: %d to 65535", port, lowest)
	}
	if host == "" && lowest > 0 {
		f.Add(path, "%q has no host to connect to", address)
	}
	checkText(f, path, address, 512)
}

// stdioDescriptors are those a guest has without any grant.
const stdioDescriptors = 3

func checkLimits(f *errs.Faults, cfg *Config, spec *api.Spec, limits api.Limits) {
	if spec.Limits.Timeout < 0 {
		f.Add("spec.limits.timeout", "%v is negative", spec.Limits.Timeout)
	}
	for _, over := range excesses(spec.Limits, cfg.MaxLimits) {
		f.Add("spec.limits."+over.path, "%s is above the maximum, %s", over.value, over.maximum)
	}
	if need := stdioDescriptors + len(spec.Grants); int(limits.Descriptors) < need {
		f.Add("spec.limits.descriptors", "%d are too few: standard streams and grants need %d", limits.Descriptors, need)
	}
}
