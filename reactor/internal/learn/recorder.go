package learn

import (
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
)

const (
	maxRefused     = 256
	maxUnasked     = 8
	maxTarget      = 1 << 10 // bytes
	maxTargetBytes = 64 << 10
)

// The kinds of what is noted.
const (
	Connect = api.OpKind(hostcalls.OpConnect)
	Listen  = api.OpKind(hostcalls.OpListen)
	Resolve = api.OpKind(hostcalls.OpResolve)
	File    = api.OpKind(hostcalls.OpFile)
	HTTP    = api.OpKind(hostcalls.OpHTTP)
)

// Recorder notes what a workload is refused, each thing once. Make one with NewRecorder.
type Recorder struct {
	mu    sync.Mutex
	most  int // things
	list  []api.RefusedAccess
	known map[thing]int // indices in list; nil: none
	bytes int           // of targets and names
	more  bool
}

// thing is what tells one refused access from another.
type thing struct {
	kind     api.OpKind
	target   string
	protocol grant.Protocol
	// The operator did not allow it. If that changes it is another thing.
	forbidden bool
}

// NewRecorder makes a recorder that has noted a list already, and perhaps more than that.
func NewRecorder(list []api.RefusedAccess, more bool) *Recorder {
	r := &Recorder{most: maxRefused, more: more}
	for _, a := range list {
		r.add(thing{a.Kind, a.Target, a.Protocol, a.Forbidden}, a)
	}
	return r
}

// Few has the recorder note no more than may explain why the workload failed, since nobody has asked for all.
func (r *Recorder) Few() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = maxUnasked
}

// Note notes what a grant would have allowed, or would not since the operator forbids it. If it has the address of something
// that the guest knows by name, name is that.
func (r *Recorder) Note(enough grant.Grant, name string, forbidden bool) {
	switch g := enough.(type) {
	case grant.Dial:
		r.note(thing{Connect, g.Pattern, g.Protocol, forbidden}, name)
	case grant.Resolve:
		r.note(thing{Resolve, g.Pattern, grant.TCP, forbidden}, "")
	case grant.Listener:
		r.note(thing{Listen, g.Address, g.Protocol, forbidden}, "")
	case grant.HTTP:
		_, target := g.Flag()
		r.note(thing{HTTP, clip.Text(target, maxTarget), grant.TCP, forbidden}, name)
	}
}

// NotePath notes a path outside the guest's folders.
func (r *Recorder) NotePath(path string) {
	r.note(thing{File, clip.Text(path, maxTarget), grant.TCP, false}, "")
}

func (r *Recorder) note(t thing, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.known[t]; ok {
		r.list[i].Count++
		return
	}
	r.add(t, api.RefusedAccess{
		Kind: t.kind, Target: t.target, Name: name, Protocol: t.protocol, Forbidden: t.forbidden, FirstTime: time.Now(), Count: 1,
	})
}

// add adds a thing that is new, if there is room. mu is held, or nobody else has the recorder.
func (r *Recorder) add(t thing, a api.RefusedAccess) {
	if len(r.list) >= r.most || r.bytes+len(t.target)+len(a.Name) > maxTargetBytes {
		r.more = true
		return
	}
	if r.known == nil {
		r.known = map[thing]int{}
	}
	r.known[t] = len(r.list)
	r.list = append(r.list, a)
	r.bytes += len(t.target) + len(a.Name)
}

// Noted returns what was noted, in the order in which it was refused first, and whether there was more. A nil Recorder
// has noted nothing.
func (r *Recorder) Noted() (list []api.RefusedAccess, more bool) {
	if r == nil {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]api.RefusedAccess(nil), r.list...), r.more
}
