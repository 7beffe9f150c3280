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
//  1. Tenants take turns, lanes take turns within a tenant, and owners within a lane. So an owner with one
//     job waits for one job of each of the others, not for all that they have queued. The jobs of an owner
//     in a lane keep their order. (TestScheduleIsFair)
//  2. A lane has at most its share of the running jobs, and so has an owner: jobs that hang use up
//     their share and nothing else. (TestScheduleShares)
//  3. A tenant has at most three times as many running jobs as it leaves room for, so that there is always
//     room for one that has none, as in hostcalls.Budget. (TestScheduleLeavesRoom)
//
// Skipping tenants, lanes and owners that have used up their share is cheap, since only few can have at a
// time.
type schedule struct {
	limit      int                     // running jobs in all
	laneShare  int                     // running jobs that one lane may have
	ownerShare int                     // running jobs that one owner may have
	running    int                     // running jobs
	inLane     map[Lane]int            // running jobs by lane
	ofOwner    map[string]int          // running jobs by owner
	ofTenant   map[string]int          // running jobs by tenant
	tenants    map[string]*tenantQueue // tenants with queued jobs
	turns      fifo[*tenantQueue]
	waiting    int // queued jobs
}

// tenantQueue holds the queued jobs of a tenant.
type tenantQueue struct {
	tenant string
	lanes  map[Lane]*laneQueue
	turns  fifo[*laneQueue]
}

// laneQueue holds a tenant's queued jobs of a lane.
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

// shareDivisor gives the share of a pool that one lane, or one owner, may use, and the least that a tenant leaves: a
// quarter.
const shareDivisor = 4

func newSchedule(limit, laneShare, ownerShare int) schedule {
	return schedule{
		limit: limit, laneShare: laneShare, ownerShare: ownerShare,
		inLane: map[Lane]int{}, ofOwner: map[string]int{}, ofTenant: map[string]int{}, tenants: map[string]*tenantQueue{},
	}
}

// admit counts a job as running without queueing it, if no job is queued and the shares allow it.
// Otherwise it returns false.
func (s *schedule) admit(j *job) bool {
	if s.waiting > 0 || !s.allowsTenant(j.Tenant) || s.inLane[j.Lane] >= s.laneShare || s.ofOwner[j.Owner] >= s.ownerShare {
		return false
	}
	s.count(j)
	return true
}

// allowsTenant reports whether a tenant may have another running job. A pool that is too small to leave a part of it leaves
// none.
func (s *schedule) allowsTenant(tenant string) bool {
	left := s.limit - s.running - 1
	has := s.ofTenant[tenant]
	return left >= 0 && (has == 0 || s.limit < shareDivisor || has < (shareDivisor-1)*left)
}

func (s *schedule) count(j *job) {
	s.running++
	s.inLane[j.Lane]++
	s.ofOwner[j.Owner]++
	s.ofTenant[j.Tenant]++
}

// push queues a job.
func (s *schedule) push(j *job) {
	t := s.tenants[j.Tenant]
	if t == nil {
		t = &tenantQueue{tenant: j.Tenant, lanes: map[Lane]*laneQueue{}}
		s.tenants[j.Tenant] = t
		s.turns.push(t)
	}
	l := t.lanes[j.Lane]
	if l == nil {
		l = &laneQueue{lane: j.Lane, queues: map[string]*ownerQueue{}}
		t.lanes[j.Lane] = l
		t.turns.push(l)
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
		t := s.turns.pop()
		var j *job
		if s.allowsTenant(t.tenant) {
			j = s.takeFromTenant(t)
		}
		if t.turns.len() > 0 {
			s.turns.push(t)
		} else {
			delete(s.tenants, t.tenant)
		}
		if j != nil {
			s.count(j)
			s.waiting--
			return j
		}
	}
	return nil
}

func (s *schedule) takeFromTenant(t *tenantQueue) (j *job) {
	for range t.turns.len() {
		l := t.turns.pop()
		if s.inLane[l.lane] < s.laneShare {
			j = s.takeFromLane(l)
		}
		if l.turns.len() > 0 {
			t.turns.push(l)
		} else {
			delete(t.lanes, l.lane)
		}
		if j != nil {
			break
		}
	}
	return j
}

func (s *schedule) takeFromLane(l *laneQueue) (j *job) {
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
	s.running--
	subtract(s.inLane, j.Lane)
	subtract(s.ofOwner, j.Owner)
	subtract(s.ofTenant, j.Tenant)
}

// subtract takes one from a count, and forgets it if it is zero.
func subtract[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
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
