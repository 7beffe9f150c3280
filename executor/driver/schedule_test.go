package driver

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func jobOf(owner, lane string) *job { return tenantsJob("t", owner, lane) }

func tenantsJob(tenant, owner, lane string) *job {
	return &job{Job: Job{Tenant: tenant, Owner: owner, Lane: Lane{Kind: lane}}}
}

// TestScheduleIsFair: lanes take turns, and owners within a lane, however much each has queued.
func TestScheduleIsFair(t *testing.T) {
	s := newSchedule(400, 100, 100)
	for _, queued := range []struct {
		owner, lane string
		n           int
	}{{"a", "x", 5}, {"b", "x", 2}, {"c", "y", 3}} {
		for range queued.n {
			s.push(jobOf(queued.owner, queued.lane))
		}
	}
	var order []string
	for j := s.take(); j != nil; j = s.take() {
		order = append(order, j.Owner)
	}
	if got, want := strings.Join(order, ""), "acbcacbaaa"; got != want {
		t.Errorf("taken in the order %s, want %s", got, want)
	}
}

// TestScheduleShares: neither a lane nor an owner has more than its share, and their queued jobs do not hold up
// others.
func TestScheduleShares(t *testing.T) {
	s := newSchedule(100, 3, 2)
	var first *job
	for range 9 {
		s.push(jobOf("a", "x"))
		s.push(jobOf("b", "x"))
		s.push(jobOf("b", "y"))
		s.push(jobOf("c", "z"))
	}
	count := map[string]int{}
	for j := s.take(); j != nil; j = s.take() {
		if first == nil {
			first = j
		}
		count[j.Lane.Kind]++
		count[j.Owner]++
	}
	for who, most := range map[string]int{"x": 3, "a": 2, "b": 2, "c": 2, "z": 2} {
		if count[who] > most {
			t.Errorf("%s has %d at once, want %d at most", who, count[who], most)
		}
	}
	if count["a"] != 2 || count["b"] != 2 || count["c"] != 2 {
		t.Errorf("shares are left: %v", count)
	}
	s.release(first)
	if next := s.take(); next == nil || next.Owner != first.Owner {
		t.Errorf("when a job of %s has ended, %v is next", first.Owner, next)
	}
}

// TestTenantsTakeTurns: tenants take turns, however many lanes and owners each has.
func TestTenantsTakeTurns(t *testing.T) {
	s := newSchedule(400, 100, 100)
	for i := range 9 {
		s.push(tenantsJob("a", fmt.Sprint("a", i), fmt.Sprint("lane", i)))
	}
	s.push(tenantsJob("b", "b1", "lane1"))
	s.push(tenantsJob("c", "c1", "lane1"))
	s.push(tenantsJob("b", "b1", "lane1"))
	var order []string
	for j := s.take(); j != nil; j = s.take() {
		order = append(order, j.Tenant)
	}
	if got, want := strings.Join(order, ""), "abcabaaaaaaa"; got != want {
		t.Errorf("taken in the order %s, want %s", got, want)
	}
}

// TestScheduleLeavesRoom: tenants with any number of jobs, of as many owners in as many lanes, leave room for a tenant that
// has none, which has its turn at once.
func TestScheduleLeavesRoom(t *testing.T) {
	for _, tt := range []struct {
		limit, tenants int
		want           int // running jobs of each
	}{
		{256, 1, 192}, {64, 1, 48}, {256, 2, 109}, {256, 5, 48}, {256, 300, 1},
		{1, 1, 1}, {2, 1, 2}, {3, 1, 3}, {4, 1, 3}, {5, 1, 3}, {8, 1, 6},
	} {
		s := newSchedule(tt.limit, tt.limit, tt.limit)
		running := map[string]int{}
		for i := range 2 * tt.limit * tt.tenants {
			name := fmt.Sprint(i)
			s.push(tenantsJob(fmt.Sprint("t", i%tt.tenants), name, name))
		}
		for j := s.take(); j != nil; j = s.take() {
			running[j.Tenant]++
		}
		for tenant, n := range running {
			if n < tt.want-2 || n > tt.want+2 || tt.tenants == 1 && n != tt.want {
				t.Errorf("of %d places %s of %d tenants has %d, want %d", tt.limit, tenant, tt.tenants, n, tt.want)
			}
		}
		if tt.limit < shareDivisor || tt.tenants >= tt.limit {
			continue
		}
		late := tenantsJob("late", "late", "late")
		if s.push(late); s.take() != late {
			t.Errorf("%d tenants have left no room of %d for another", tt.tenants, tt.limit)
		}
	}
}

// TestScheduleAgainstModel: over random operations, every pushed job is taken once, within the shares, and nothing is
// left when all are done.
func TestScheduleAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const limit, laneShare, ownerShare = 12, 4, 3
	s := newSchedule(limit, laneShare, ownerShare)
	var running []*job
	owners, lanes, tenants := map[string]int{}, map[string]int{}, map[string]int{}
	allows := func(j *job) bool {
		n, left := tenants[j.Tenant], limit-len(running)-1
		return owners[j.Owner] < ownerShare && lanes[j.Lane.Kind] < laneShare && left >= 0 && (n == 0 || n < 3*left)
	}
	begin := func(j *job) {
		owners[j.Owner]++
		lanes[j.Lane.Kind]++
		tenants[j.Tenant]++
		running = append(running, j)
	}
	pushed, waiting := 0, map[*job]bool{}
	for range 10_000 {
		switch op := random.IntN(5); {
		case op < 2 && pushed < 3_000:
			owner := random.IntN(6)
			j := tenantsJob(fmt.Sprint("t", owner%3), fmt.Sprint("o", owner), fmt.Sprint("l", random.IntN(5)))
			pushed++
			if s.admit(j) {
				if len(waiting) > 0 || !allows(j) {
					t.Fatalf("a job of %s in %s is let past others, or beyond a share", j.Owner, j.Lane.Kind)
				}
				begin(j)
				break
			}
			s.push(j)
			waiting[j] = true
		case op < 4:
			j := s.take()
			if j == nil {
				for j := range waiting {
					if allows(j) {
						t.Fatalf("nothing is taken, but a job of %s in %s could be", j.Owner, j.Lane.Kind)
					}
				}
				break
			}
			if !waiting[j] || !allows(j) {
				t.Fatalf("a job of %s in %s is taken twice, or beyond a share", j.Owner, j.Lane.Kind)
			}
			delete(waiting, j)
			begin(j)
		case len(running) > 0:
			i := random.IntN(len(running))
			j := running[i]
			running[i] = running[len(running)-1]
			running = running[:len(running)-1]
			owners[j.Owner]--
			lanes[j.Lane.Kind]--
			tenants[j.Tenant]--
			s.release(j)
		}
		if s.waiting != len(waiting) {
			t.Fatalf("%d wait, want %d", s.waiting, len(waiting))
		}
	}
	for len(running) > 0 || s.waiting > 0 {
		for _, j := range running {
			s.release(j)
		}
		running = nil
		for j := s.take(); j != nil; j = s.take() {
			running = append(running, j)
		}
	}
	if s.running != 0 || len(s.tenants) != 0 || len(s.ofTenant) != 0 || len(s.inLane) != 0 || len(s.ofOwner) != 0 || s.turns.len() != 0 {
		t.Errorf("kept when all is done: %+v", s)
	}
}
