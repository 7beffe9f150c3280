package abi

// Refusal is something that a program asked for and was refused because of a limit, or of another workload. Most programs
// that are refused give up, by a trap or an exit that does not say why.
type Refusal struct {
	Kind        RefusalKind
	Want, Limit int64  // in the kind's unit; Limit is zero if the host had none left, rather than the program's limit
	Peer, Why   string // of RefusedStream; RefusedTLS and RefusedRevoked have Why alone
}

// RefusalKind says what was refused.
type RefusalKind uint8

// The kinds of refusals.
const (
	_                 RefusalKind = iota
	RefusedMemory                 // memory.grow: bytes of linear memory
	RefusedDescriptor             // another descriptor: the number of them
	RefusedOperations             // a poll: the number of operations it would wait for
	RefusedStream                 // its standard input or output, which is joined to another workload
	RefusedTLS                    // a connection, by an alert of its server
	RefusedSocket                 // another socket: the number of them
	RefusedSending                // to send: bytes over the network in all
	RefusedReceiving              // to receive: bytes over the network in all
	RefusedRevoked                // what was granted until grants were revoked
)
