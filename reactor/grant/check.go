package grant

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/text"
	"github.com/reactord/reactord/reactor/policy"
)

// Check checks the grants of a spec, as far as the grants themselves show faults. There may be at most most of them.
func Check(f *errs.Faults, grants []Grant, most int) {
	if len(grants) > most {
		f.Add("spec.grants", "%d grants are more than the %d allowed", len(grants), most)
		return
	}
	v := validation{faults: f, taken: map[string]Grant{}}
	for i, g := range grants {
		if g == nil {
			f.Add(pathOf(i), "one of %s is required", listed(Kinds(), " and "))
			continue
		}
		v.grant, v.kind, v.path = g, g.Kind(), pathOf(i)+"."+g.Kind()
		g.check(&v)
	}
}

func pathOf(i int) string { return fmt.Sprintf("spec.grants[%d]", i) }

// listed joins names as in a sentence.
func listed(names []string, and string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + and + names[last]
}

// validation collects faults of grants, one grant after the other.
type validation struct {
	faults *errs.Faults
	kind   string           // its kind
	path   string           // of the current grant
	grant  Grant            // the current one
	taken  map[string]Grant // values that only one grant of a kind may have, and the grant that has it
}

// add adds a fault of a field of the current grant.
func (v *validation) add(field, format string, args ...any) {
	v.faults.Add(v.path+"."+field, format, args...)
}

// unique adds a fault if an earlier grant of the same kind has the same value in the field.
func (v *validation) unique(field, value string) {
	key := v.kind + "." + field + "=" + value
	if first, ok := v.taken[key]; ok {
		v.add(field, "%q is taken by another grant: %v", value, first)
		return
	}
	v.taken[key] = v.grant
}

const (
	maxAddress    = 512 // bytes of an address, a pattern or an origin
	maxName       = 64  // bytes of a name for the guest
	maxWorkloadID = 128
)

// short reports whether a field is not too long, and adds a fault if it is, or has characters that can't be shown.
func (v *validation) short(field, s string) bool {
	before := len(*v.faults)
	text.Check(v.faults, v.path+"."+field, s, maxAddress)
	return len(*v.faults) == before
}

// address checks HOST:PORT in the given field. A listener may have no host, and port 0.
func (v *validation) address(address string, lowest int) {
	const field = "address"
	if !v.short(field, address) {
		return
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.add(field, "%q is not HOST:PORT", address)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || int(n) < lowest {
		v.add(field, "%q is not a port: %d to 65535", port, lowest)
	}
	if host != "" {
		v.host(field, host)
	} else if lowest > 0 {
		v.add(field, "%q has no host to connect to", address)
	}
}

// host checks an address or the name of a host.
func (v *validation) host(field, host string) {
	if !v.short(field, host) {
		return
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			v.add(field, "%q has a zone, which is not supported", host)
		}
	} else if _, err := network.HostName(host); err != nil {
		v.add(field, "%v", err)
	}
}

// name checks a name for the guest, which may be empty.
func (v *validation) name(name string) {
	if name != "" && !isToken(name, maxName) {
		v.add("name", "%q is not a name: letters, digits and \"._-\", %d at most, are allowed", name[:min(len(name), 2*maxName)], maxName)
	}
}

// isToken reports whether s has letters, digits and "._-" only, at least one and at most most.
func isToken(s string, most int) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= most && strings.Trim(s, letters+"0123456789._-") == ""
}

// reference checks a reference to a secret, which may be empty.
func (v *validation) reference(field, ref string) { CheckReference(v.faults, v.path+"."+field, ref) }

// CheckReference checks where a secret is, which the spec has at path; empty is nowhere.
func CheckReference(f *errs.Faults, path, ref string) {
	if ref == "" {
		return
	}
	text.Check(f, path, ref, maxReferenceSize)
	if _, err := policy.ParseReference(ref); err != nil {
		f.Add(path, "%v", err)
	}
}

// named is a name for the guest as the command line has it, before an address.
func named(name string) string {
	if name == "" {
		return ""
	}
	return name + "="
}

// hostPort splits an address that has been checked.
func hostPort(address string) (host string, port uint16) {
	host, service, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(service, 10, 16)
	return host, uint16(n)
}
