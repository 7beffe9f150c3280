package outcome

import (
	"errors"
	"fmt"
)

// NodeMemoryError reports that a guest needs more memory than the node has for all guests together.
type NodeMemoryError struct{ Need, Node int64 }

func (e *NodeMemoryError) Error() string {
	return fmt.Sprintf("the guest needs %s of memory, and the node has %s for all guests together: its operator can raise --node-memory",
		size(uint64(e.Need)), size(uint64(e.Node)))
}

// errSentBack is why a workload that went back to the queue for lack of memory waits.
var errSentBack = errors.New("the node had no more memory for it, or workloads that were started before it needed its memory")
