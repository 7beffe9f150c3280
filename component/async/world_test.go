package async

import (
	"errors"
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/types"
)

// world is a driver of the machine whose guests, and whose host, do what a script says. It writes down what happens, in the
// language that testdata/README.md describes: a trace is a script with its answers.
type world struct {
	store     Store
	instances []*instance
	calls     []*call
	imports   []*hostImport
	ends      []*end // of streams and futures, that the host has or had; nil: it was given away or dropped
	script    script
	trace     []string
	trap      error
	ended     bool // the script has
	check     func()
}

// script decides what happens next.
type script interface {
	// next returns what the call does, or the host if it is nil; "" ends the script.
	next(w *world, c *call) string
}

type instance struct {
	Instance
	name  string
	table []any // index 0 is never used
	free  []uint32
}

// The objects of a table.
type (
	subtask struct {
		Subtask
		lent   []*resource
		host   *hostImport // that it is carried out by, or nil
		giving []string    // its call's argument: nothing, "lend 3" or "give 4 stream u8"
		from   *instance
	}
	resource struct {
		scope *call // that has borrowed it; nil: it is owned
		lends int
	}
	end = End[struct{}]
)

// hostImport is a function that the host carries out for a guest.
type hostImport struct {
	subtask *subtask
	obeys   bool // it ends at once when it is cancelled
}

type call struct {
	Call
	instance *instance
	subtask  *subtask    // the caller's view, or nil
	after    func() bool // what the call does when its frames go on; it reports whether it does not wait again
	given    *end        // the argument, if the host has called with one
	ended    bool
}

func (s *subtask) EndLends() {
	for _, r := range s.lent {
		r.lends--
	}
	s.lent = nil
}

// The faults of a guest that are not the machine's to find.
var (
	errHandle   = errors.New("no such handle")
	errLent     = errors.New("the handle is lent")
	errDeadlock = errors.New("a synchronous function waits, and nothing of its instance can run")
)

var itemTypes = map[string]*types.Type{"none": nil, "u8": {Kind: types.U8}, "bool": {Kind: types.Bool}}

func newWorld(instances int, s script) *world {
	w := &world{script: s, check: func() {}}
	for i := range instances {
		in := &instance{name: string(rune('a' + i)), table: []any{nil}}
		in.Init(&w.store)
		w.instances = append(w.instances, in)
	}
	return w
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) over() bool { return w.trap != nil || w.ended }

func (w *world) fail(err error) {
	if w.trap == nil {
		w.trap = err
		w.say("trap: %v", err)
	}
}

// command asks the script what an actor does.
func (w *world) command(c *call) []string {
	if w.over() {
		return nil
	}
	line := w.script.next(w, c)
	if line == "" {
		w.ended = true
		return nil
	}
	w.say("%s: %s", w.actor(c), line)
	return strings.Fields(line)
}

func (w *world) actor(c *call) string {
	if c == nil {
		return "host"
	}
	return fmt.Sprint(c.Number)
}

// host lets the host do what the script says until that ends, or a guest traps.
func (w *world) host() {
	for words := w.command(nil); words != nil; words = w.command(nil) {
		w.hostDoes(words)
		if !w.over() {
			w.check()
		}
	}
}

func (w *world) hostDoes(words []string) {
	switch words[0] {
	case "call":
		c := w.newCall(words[1], words[2], nil)
		if len(words) > 3 {
			c.given = w.takeHostEnd(words[4])
		}
		w.enter(c)
	case "cancel":
		if c := w.calls[number(words[1])-1]; c.RequestCancel() {
			w.resume(c)
		}
	case "tick":
		w.tick()
	case "start":
		w.pass(w.imports[number(words[1])-1].subtask, nil)
	case "return":
		w.imports[number(words[1])-1].subtask.HostReturn()
	case "cancelled":
		w.imports[number(words[1])-1].subtask.HostCancel()
	default:
		w.hostCopies(words)
	}
}

// hostCopies carries an operation of the host on streams and futures out.
func (w *world) hostCopies(words []string) {
	switch words[0] {
	case "stream.new":
		readable, writable := NewStream[struct{}](itemTypes[words[1]], nil)
		w.ends = append(w.ends, readable, writable)
		return
	case "future.new":
		readable, writable := NewFuture[struct{}](itemTypes[words[1]], nil)
		w.ends = append(w.ends, readable, writable)
		return
	case "drop":
		w.takeHostEnd(words[1]).Drop()
		return
	}
	e := w.ends[number(words[1])-1]
	switch words[0] {
	case "read", "write":
		items := 1
		if !e.Future() {
			items = number(words[2])
		}
		n, err := e.Begin(struct{}{}, uint32(items))
		if err != nil {
			w.fail(err)
			return
		}
		if n > 0 {
			e.Moved(n)
		}
	case "copy.cancel":
		if err := e.Cancel(false); err != nil {
			w.fail(err)
			return
		}
	}
	if !e.HasEvent() {
		w.say("host= blocked")
		return
	}
	w.say("host= %s", e.outcome(e.Take().Payload))
}

func (w *world) takeHostEnd(word string) *end {
	n := number(word) - 1
	e := w.ends[n]
	w.ends[n] = nil
	return e
}

func (w *world) tick() {
	t := w.store.Next()
	if t == nil {
		w.say("run none")
		return
	}
	w.runs(t)
}

// runs goes on with a thread that is ready.
func (w *world) runs(t *Thread) {
	c := w.numbered(t.Call())
	w.say("run %d", c.Number)
	w.resume(c)
}

// numbered returns the world's record of a call.
func (w *world) numbered(c *Call) *call { return w.calls[c.Number-1] }

func (w *world) newCall(in, kind string, s *subtask) *call {
	c := &call{instance: w.instance(in), subtask: s}
	c.Number = uint32(len(w.calls) + 1)
	f := Function{Instance: &c.instance.Instance, Async: kind != "plain"}
	switch kind {
	case "callback":
		f.Lift = WithCallback
	case "stackful":
		f.Lift = Stackful
	}
	if s == nil {
		c.Init(f, nil)
	} else {
		c.Init(f, &s.Subtask)
	}
	w.calls = append(w.calls, c)
	return c
}

func (w *world) instance(name string) *instance { return w.instances[name[0]-'a'] }

// enter calls, and goes on until the call waits or has ended; that of a synchronous function until it has returned.
func (w *world) enter(c *call) {
	if c.Enter() {
		w.begin(c)
	}
	for !c.Async() && !c.Resolved() && !w.over() {
		t := c.instance.NextBegun()
		if t == nil {
			w.fail(errDeadlock)
			return
		}
		w.runs(t)
	}
}

func (w *world) begin(c *call) {
	c.Start()
	var got string
	switch {
	case c.subtask != nil:
		got = w.pass(c.subtask, c)
	case c.given != nil:
		c.given.Give(&c.instance.Instance)
		c.given.Index = c.instance.add(c.given)
		got = fmt.Sprintf(" %d", c.given.Index)
	}
	if w.over() {
		return
	}
	w.say("%d> begin%s", c.Number, got)
	w.run(c)
}

// pass passes the argument of a call that starts to it, or to the host if it is nil. It returns how the trace says so.
func (w *world) pass(s *subtask, to *call) string {
	if to == nil {
		s.HostStart()
	}
	if len(s.giving) == 0 {
		return ""
	}
	switch object := s.from.get(s.giving[1]); s.giving[0] {
	case "lend":
		r, ok := object.(*resource)
		if !ok {
			w.fail(errHandle)
			return ""
		}
		r.lends++
		s.lent = append(s.lent, r)
		if to == nil {
			return ""
		}
		to.Borrow()
		return fmt.Sprintf(" %d", to.instance.add(&resource{scope: to}))
	case "give":
		e, ok := object.(*end)
		switch {
		case !ok || e.Writable() || e.Future() != (s.giving[2] == "future") || e.Item() != itemTypes[s.giving[3]]:
			w.fail(errHandle)
			return ""
		case e.CanGive() != nil:
			w.fail(e.CanGive())
			return ""
		}
		s.from.remove(e.Index)
		if to == nil {
			e.Give(nil)
			w.ends = append(w.ends, e)
			return ""
		}
		e.Give(&to.instance.Instance)
		e.Index = to.instance.add(e)
		return fmt.Sprintf(" %d", e.Index)
	}
	return ""
}

// resume goes on with a call that may.
func (w *world) resume(c *call) {
	switch then, e := c.Resume(); then {
	case Begin:
		w.begin(c)
	case Abandon:
		w.tellHost(c, "cancelled")
		c.ended = true
	case Callback:
		w.say("%d> %s", c.Number, w.describe(c.instance, e))
		w.run(c)
	case Return:
		if c.after() {
			w.run(c)
		}
	}
}

// run does what the script says for a call, until it waits or has ended.
func (w *world) run(c *call) {
	for words := w.command(c); words != nil; words = w.command(c) {
		running := w.guestDoes(c, words)
		if w.over() {
			return
		}
		w.check()
		if !running {
			return
		}
	}
}

// tellHost notes what becomes of a call that the host has made.
func (w *world) tellHost(c *call, how string) {
	if c.subtask == nil {
		w.say("host< %d %s", c.Number, how)
	}
}

// answer writes down what an operation has returned, and reports that its call goes on.
func (w *world) answer(c *call, format string, args ...any) bool {
	w.say("%d= %s", c.Number, fmt.Sprintf(format, args...))
	return true
}

// describe returns how the trace tells an event.
func (w *world) describe(in *instance, e Event) string {
	switch e.Code {
	case NoEvent:
		return "none"
	case CallCancelled:
		return "cancelled"
	case SubtaskEvent:
		return fmt.Sprintf("subtask %d %s", e.Index, subtaskStates[e.Payload])
	}
	copied, _ := in.table[e.Index].(*end)
	return fmt.Sprintf("%s %d %s", eventCodes[e.Code], e.Index, copied.outcome(e.Payload))
}

var (
	subtaskStates = [...]string{"starting", "started", "returned", "cancelled-before-started", "cancelled-before-returned"}
	copyResults   = [...]string{"completed", "dropped", "cancelled"}
	eventCodes    = [...]string{StreamRead: "stream-read", StreamWrite: "stream-write", FutureRead: "future-read", FutureWrite: "future-write"}
)

func (e *End[B]) outcome(payload uint32) string {
	if e.Future() {
		return copyResults[payload]
	}
	return fmt.Sprintf("%s %d", copyResults[payload&0xf], payload>>4)
}

func (i *instance) add(object any) uint32 {
	if n := len(i.free); n > 0 {
		index := i.free[n-1]
		i.free = i.free[:n-1]
		i.table[index] = object
		return index
	}
	i.table = append(i.table, object)
	return uint32(len(i.table) - 1)
}

func (i *instance) get(word string) any {
	if n := number(word); n < len(i.table) {
		return i.table[n]
	}
	return nil
}

func (i *instance) remove(index uint32) {
	i.table[index] = nil
	i.free = append(i.free, index)
}

// number reads a number of a script; what is none is 0, which no handle has.
func number(word string) (n int) {
	for _, digit := range word {
		n = n*10 + int(digit-'0')
	}
	return n
}
