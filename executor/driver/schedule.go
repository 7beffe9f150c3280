package driver

// Lane identifies what a job may wait for, such as a file system or a network. If it hangs, all jobs of
// the lane may hang.
type Lane struct {
	Kind string
	ID   uint64
}

// schedule decides which job runs next and counts the running jobs. It is a plain value: no lock, no
// clock.
//
//  1. Lanes take turns, and owners take turns within a lane. So an owner with one job waits for one
//     job of each of the others, not for all that they have queued. The jobs of an owner in a lane keep
//     their order. (TestScheduleIsFair)
//  2. A lane has at most its share of the running jobs, and so has an owner: jobs that hang use up
//     their share and nothing else. (TestScheduleShares)
//
// Skipping lanes and owners that have used up their share is cheap, since only few can have at a time.
type schedule struct {
	laneShare  int                 // running jobs that one lane may have
	ownerShare int                 // running jobs that one owner may have
	inLane     map[Lane]int        // running jobs by lane
	ofOwner    map[string]int      // running jobs by owner
	lanes      map[Lane]*laneQueue // lanes with queued jobs
	turns      fifo[*laneQueue]
	waiting    int // queued jobs
}

// laneQueue holds the queued jobs of a lane.
type laneQueue struct {
	lane   Lane
	queues map[string]*ownerQueue
	turns  fifo[*ownerQueue]
}

// ownerQueue holds the queued jobs of one owner in a lane.
type ownerQueue struct {
	owner string
	jobs  fifo[*job]
}

func newSchedule(laneShare, ownerShare int) schedule {
	return schedule{
		laneShare: laneShare, ownerShare: ownerShare,
		inLane: map[Lane]int{}, ofOwner: map[string]int{}, lanes: map[Lane]*laneQueue{},
	}
}

// admit counts a job as running without queueing it, if no job is queued and the shares allow it.
// Otherwise it returns false.
func (s *schedule) admit(j *job) bool {
	if s.waiting > 0 || s.inLane[j.Lane] >= s.laneShare || s.ofOwner[j.Owner] >= s.ownerShare {
		return false
	}
	s.count(j)
	return true
}

func (s *schedule) count(j *job) {
	s.inLane[j.Lane]++
	s.ofOwner[j.Owner]++
}

// push queues a job.
func (s *schedule) push(j *job) {
	l := s.lanes[j.Lane]
	if l == nil {
		l = &laneQueue{lane: j.Lane, queues: map[string]*ownerQueue{}}
		s.lanes[j.Lane] = l
		s.turns.push(l)
	}
	q := l.queues[j.Owner]
	if q == nil {
		q = &ownerQueue{owner: j.Owner}
		l.queues[j.Owner] = q
		l.turns.push(q)
	}
	q.jobs.push(j)
	s.waiting++
}

// take removes the next job from the queue and counts it as running, or returns nil if none may run.
func (s *schedule) take() *job {
	for range s.turns.len() {
		l := s.turns.pop()
		var j *job
		if s.inLane[l.lane] < s.laneShare {
			j = s.takeFrom(l)
		}
		if l.turns.len() > 0 {
			s.turns.push(l)
		} else {
			delete(s.lanes, l.lane)
		}
		if j != nil {
			s.count(j)
			s.waiting--
			return j
		}
	}
	return nil
}

func (s *schedule) takeFrom(l *laneQueue) (j *job) {
	for range l.turns.len() {
		q := l.turns.pop()
		if s.ofOwner[q.owner] < s.ownerShare {
			j = q.jobs.pop()
		}
		if q.jobs.len() > 0 {
			l.turns.push(q)
		} else {
			delete(l.queues, q.owner)
		}
		if j != nil {
			break
		}
	}
	return j
}

// release stops counting a job as running.
func (s *schedule) release(j *job) {
	if s.ofOwner[j.Owner]--; s.ofOwner[j.Owner] == 0 {
		delete(s.ofOwner, j.Owner)
	}
	if s.inLane[j.Lane]--; s.inLane[j.Lane] == 0 {
		delete(s.inLane, j.Lane)
	}
}

// fifo is a queue.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int    { return len(q.items) - q.head }
func (q *fifo[T]) push(item T) { q.items = append(q.items, item) }

// pop removes the first item; there must be one.
func (q *fifo[T]) pop() T {
	var none T
	item := q.items[q.head]
	q.items[q.head] = none
	q.head++
	if q.head > len(q.items)/2 {
		q.items = append(q.items[:0], q.items[q.head:]...)
		q.head = 0
	}
	return item
}
