package wasip1

import (
	"strconv"
	"strings"
)

// setSockets tells the guest which descriptors are its granted sockets, as sd_listen_fds(3) does: LISTEN_FDS is their number,
// and LISTEN_FDNAMES has their names. LISTEN_FDS_START is the first one's descriptor, which systemd has fixed. Variables
// that the workload sets itself stay as they are.
func (p *Process) setSockets(names []string) {
	if len(names) == 0 {
		return
	}
	first := len(p.fds.entries) - len(names)
	for _, v := range []struct{ name, value string }{
		{"LISTEN_FDS", strconv.Itoa(len(names))},
		{"LISTEN_FDNAMES", strings.Join(names, ":")},
		{"LISTEN_FDS_START", strconv.Itoa(first)},
	} {
		if !p.env.has(v.name) {
			p.env.add(v.name + "=" + v.value)
		}
	}
}

// add adds a string. The list that the stringList was made of stays as it is.
func (l *stringList) add(value string) {
	l.values = append(l.values[:len(l.values):len(l.values)], value)
	l.size += uint64(len(value)) + 1
}

// has reports whether a list of variables has one of a name.
func (l *stringList) has(name string) bool {
	for _, v := range l.values {
		if strings.HasPrefix(v, name) && strings.HasPrefix(v[len(name):], "=") {
			return true
		}
	}
	return false
}
