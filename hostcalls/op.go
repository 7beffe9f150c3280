package hostcalls

import (
	"fmt"
	"time"

	"github.com/reactord/reactord/executor"
)

// Op is one pending host operation.
type Op struct {
	Kind     OpKind
	Target   string // a descriptor, a path, an address; one of UDP begins with "udp:"
	Start    time.Time
	Deadline time.Time // when it ends by itself; zero if it does not
	Bytes    uint64    // the size of the buffer that it reads into or writes from
	Subject  Subject   // nil if there is no more to know
}

// The targets of operations on a guest's own streams.
const (
	Stdin  = "stdin"
	Stdout = "stdout"
	Stderr = "stderr"
)

// Subject is what an op acts on, as far as those who look at the op want to know more of it. Its methods may be called from
// any goroutine, also when the op is over, and do not block.
type Subject interface {
	// Transferred returns how many bytes have gone through it so far, in the direction of a kind of ops.
	Transferred(kind OpKind) uint64
	// Grant returns the grant by which it is open, as the command line has it; empty if there is none.
	Grant() string
}

// Grouped is a Subject that is one of many alike, such as the connections of a listener.
type Grouped interface {
	Subject
	// Group names all of them, as a target; empty if it is not one of many.
	Group() string
}

// Group returns what names all that is like the op's target; the target itself if there is nothing.
func (o *Op) Group() string {
	if g, ok := o.Subject.(Grouped); ok {
		if name := g.Group(); name != "" {
			return name
		}
	}
	return o.Target
}

// Peered is a Subject that may be joined to another workload's, and to nothing else.
type Peered interface {
	Subject
	// Peer returns the id of that workload; empty if there is none.
	Peer() string
}

// Peer returns the id of the workload that alone can end the op, by reading or writing at the other end, or by an answer, if no
// time is over before; empty if there is none, and the op ends by something else.
func (o *Op) Peer() string {
	if !o.Deadline.IsZero() {
		return ""
	}
	switch o.Kind {
	case OpRead, OpWrite, OpHTTP, OpCall:
		return o.OtherEnd()
	default:
		return ""
	}
}

// OtherEnd returns the id of the workload at the other end of what the op acts on; empty if there is none, or it is not known.
func (o *Op) OtherEnd() string {
	if p, ok := o.Subject.(Peered); ok {
		return p.Peer()
	}
	return ""
}

// Awaiting is a Subject that waits until another workload listens for connections, or offers its functions.
type Awaiting interface {
	Subject
	// Awaits returns the id of that workload, and the name of the listener; empty if any will do.
	Awaits() (id, listener string)
	// Listens reports whether the workload has the listener now, or the offer.
	Listens() bool
}

// Awaiting returns what the op waits for, if that is that another workload listens; otherwise nil.
func (o *Op) Awaiting() Awaiting {
	a, _ := o.Subject.(Awaiting)
	return a
}

// Transferred returns how many bytes have gone through what the op acts on so far, in the op's direction.
func (o *Op) Transferred() uint64 {
	if o.Subject == nil {
		return 0
	}
	return o.Subject.Transferred(o.Kind)
}

// Grant returns the grant that the op uses, as the command line has it; empty if there is none.
func (o *Op) Grant() string {
	if o.Subject == nil {
		return ""
	}
	return o.Subject.Grant()
}

// OpKind is a kind of host operation. The values are those of OpKind in the API.
type OpKind uint8

// The kinds.
const (
	_             OpKind = iota
	OpTimer              // waits for a time
	OpRead               // waits for bytes to read
	OpWrite              // waits for room to write
	OpAccept             // waits for a connection to a listener
	OpFile               // works on a file or folder
	OpConnect            // opens a connection
	OpListen             // opens a listener
	OpInstantiate        // prepares the guest
	OpMemory             // waits for memory that other guests hold
	OpResolve            // looks up a name
	OpHandshake          // begins TLS on a connection
	OpRate               // waits because the guest sends or receives faster than it may
	OpHTTP               // sends a request of HTTP, and waits for the response
	OpServe              // answers an HTTP request that came to a service
	OpCall               // calls a function of another workload

	// OpKinds is one more than the last kind.
	OpKinds
)

const _ = uint(executor.WaitKinds - OpKinds) // the executor has room for all kinds

var opKinds = [OpKinds]string{
	"unspecified", "timer", "read", "write", "accept", "file", "connect", "listen", "instantiate", "memory", "resolve",
	"handshake", "rate", "http", "serve", "call",
}

// String returns the kind's name in the API, in lower case and without the prefix.
func (k OpKind) String() string {
	if k < OpKinds {
		return opKinds[k]
	}
	return fmt.Sprintf("OpKind(%d)", uint8(k))
}
