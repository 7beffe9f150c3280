package wasip1

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls/capability"
)

// SetEnv implements capability.Opener.
func (o opener) SetEnv(name string, secret capability.Reference) error {
	value, err := o.secret(secret)
	if err != nil {
		return err
	}
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		return errors.New("it is no text, as a variable has to be")
	}
	p := o.process
	p.env.add(name + "=" + string(value))
	p.granted.heldBytes += int64(len(value))
	return nil
}

// secret reads a secret on the blocking pool.
func (o opener) secret(ref capability.Reference) (value []byte, err error) {
	if o.permit == nil {
		return nil, errors.New("there is nobody to permit it")
	}
	p, op := o.process, fileOp(strings.TrimPrefix(string(ref), "file:"), 0)
	var failure error
	err = p.Blocking(op, p.lane(op), func() { value, failure = o.permit.Secret(ref) }, func() {})
	return value, errors.Join(err, failure)
}

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
