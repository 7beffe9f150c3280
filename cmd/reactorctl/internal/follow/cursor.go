package follow

// Cursor is how far a reader has come in the output of a workload. Positions count all bytes that the workload's
// attempts have written to both streams. Their order is kept, but a daemon that dies may forget the last ones of an
// attempt; the next attempt then goes on at a smaller position. The zero value is the beginning.
type Cursor struct {
	attempt uint32
	next    uint64 // the position after the last byte seen
}

// Resume returns the position from which to read on after the connection was lost, and the attempt that wrote what was
// seen last, or 0. The daemon needs both: a later attempt may have begun before the position.
func (c *Cursor) Resume() (position uint64, attempt uint32) { return c.next, c.attempt }

// Take moves the cursor past a run of output. It returns the part of data that was not seen before, and how many bytes
// before it are missing.
func (c *Cursor) Take(attempt uint32, offset uint64, data []byte) (fresh []byte, missing uint64) {
	if attempt < c.attempt {
		return nil, 0
	}
	end := offset + uint64(len(data))
	switch {
	case offset >= c.next:
		missing = offset - c.next
	case attempt > c.attempt: // the daemon has forgotten the end of the attempt before
	case end <= c.next:
		return nil, 0
	default:
		data = data[c.next-offset:]
	}
	c.attempt, c.next = attempt, end
	return data, missing
}

// End returns how many bytes are missing between what was seen and the end of the output.
func (c *Cursor) End(offset uint64) (missing uint64) {
	if offset <= c.next {
		return 0
	}
	return offset - c.next
}
