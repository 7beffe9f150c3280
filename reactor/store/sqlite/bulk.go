package sqlite

// bulkBytes is about how much bulk goes into one batch. A commit that others wait for takes some milliseconds
// longer for it.
const bulkBytes = 256 << 10

// bulk keeps ops by workload, and returns them from one workload after the other.
type bulk struct {
	ops  map[string][]op
	turn []string // the workloads that have ops, in order
}

func newBulk() bulk { return bulk{ops: make(map[string][]op)} }

func (b *bulk) len() int { return len(b.turn) }

func (b *bulk) add(o op) {
	id := o.workload()
	if _, ok := b.ops[id]; !ok {
		b.turn = append(b.turn, id)
	}
	b.ops[id] = append(b.ops[id], o)
}

// takeOf removes and returns all ops of a workload.
func (b *bulk) takeOf(id string) []op {
	ops, ok := b.ops[id]
	if !ok {
		return nil
	}
	delete(b.ops, id)
	for i, other := range b.turn {
		if other == id {
			b.turn = append(b.turn[:i], b.turn[i+1:]...)
			break
		}
	}
	return ops
}

// take removes and returns ops of about maxBytes in all, one of each workload in turn, but none of a workload
// that waits.
func (b *bulk) take(maxBytes int64, waits func(id string) bool) []op {
	var taken []op
	size := int64(0)
	for passed := 0; size < maxBytes && passed < len(b.turn); {
		id := b.turn[0]
		b.turn = b.turn[1:]
		if waits(id) {
			b.turn = append(b.turn, id)
			passed++
			continue
		}
		ops := b.ops[id]
		taken, size = append(taken, ops[0]), size+ops[0].bytes()
		if ops = ops[1:]; len(ops) > 0 {
			b.ops[id] = ops
			b.turn = append(b.turn, id)
		} else {
			delete(b.ops, id)
		}
	}
	return taken
}
