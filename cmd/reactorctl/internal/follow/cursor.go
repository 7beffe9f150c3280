package follow

// Cursor is how far a reader has come in the output of a workload. Positions count all bytes that the workload's
// attempts have written to both streams. Their order is kept, but a daemon that dies may forget the last ones of an
// attempt, or that it was started; the next attempt then goes on at a smaller position, in the latter case under the
// same number. The zero value is the beginning.
type Cursor struct {
	attempt uint32
	began   int64  // when attempt was started, as the daemon tells it; zero if that is not known
	next    uint64 // the position after the last byte seen
}

// Point is where a run of output begins, as the daemon tells it.
type Point interface {
	GetAttempt() uint32
	GetAttemptStartUs() int64
	GetOffset() uint64
}

// Resume returns the position from which to read on after the connection was lost, and the attempt that wrote what was
// seen last and when it was started, or zeros. The daemon needs them all: other output may have begun before the
// position.
func (c *Cursor) Resume() (position uint64, attempt uint32, began int64) {
	return c.next, c.attempt, c.began
}

// Fresh is what a run of output brings.
type Fresh struct {
	Data    []byte // that was not seen before
	Missing uint64 // bytes before it
	// Again is true if the attempt is not the one that was seen before, but takes its place: it was started again.
	Again bool
}

// Take moves the cursor past a run of output.
func (c *Cursor) Take(at Point, data []byte) Fresh {
	attempt, offset, began := at.GetAttempt(), at.GetOffset(), at.GetAttemptStartUs()
	again := attempt <= c.attempt && began != 0 && c.began != 0 && began != c.began
	if attempt < c.attempt && !again {
		return Fresh{}
	}
	end, missing := offset+uint64(len(data)), uint64(0)
	switch {
	case offset >= c.next:
		missing = offset - c.next
	case attempt > c.attempt, again: // the daemon has forgotten the end of what was seen
	case end <= c.next:
		return Fresh{}
	default:
		data = data[c.next-offset:]
	}
	if began == 0 && attempt == c.attempt {
		began = c.began
	}
	c.attempt, c.began, c.next = attempt, began, end
	return Fresh{data, missing, again}
}

// End returns how many bytes are missing between what was seen and the end of the output.
func (c *Cursor) End(offset uint64) (missing uint64) {
	if offset <= c.next {
		return 0
	}
	return offset - c.next
}
