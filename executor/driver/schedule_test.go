package driver

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func jobOf(owner, lane string) *job {
	return &job{Job: Job{Owner: owner, Lane: Lane{Kind: lane}}}
}

// TestScheduleIsFair: lanes take turns, and owners within a lane, however much each has queued.
func TestScheduleIsFair(t *testing.T) {
	s := newSchedule(100, 100)
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
	s := newSchedule(3, 2)
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

// TestScheduleAgainstModel: over random operations, every pushed job is taken once, within the shares, and nothing is
// left when all are done.
func TestScheduleAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const laneShare, ownerShare = 4, 3
	s := newSchedule(laneShare, ownerShare)
	var running []*job
	owners, lanes := map[string]int{}, map[string]int{}
	pushed, waiting := 0, map[*job]bool{}
	for range 10_000 {
		switch op := random.IntN(5); {
		case op < 2 && pushed < 3_000:
			j := jobOf(fmt.Sprint("o", random.IntN(6)), fmt.Sprint("l", random.IntN(5)))
			pushed++
			if s.admit(j) {
				if len(waiting) > 0 || owners[j.Owner] >= ownerShare || lanes[j.Lane.Kind] >= laneShare {
					t.Fatalf("a job of %s in %s is let past others, or beyond a share", j.Owner, j.Lane.Kind)
				}
				owners[j.Owner]++
				lanes[j.Lane.Kind]++
				running = append(running, j)
				break
			}
			s.push(j)
			waiting[j] = true
		case op < 4:
			j := s.take()
			if j == nil {
				for j := range waiting {
					if owners[j.Owner] < ownerShare && lanes[j.Lane.Kind] < laneShare {
						t.Fatalf("nothing is taken, but a job of %s in %s could be", j.Owner, j.Lane.Kind)
					}
				}
				break
			}
			if !waiting[j] || owners[j.Owner] >= ownerShare || lanes[j.Lane.Kind] >= laneShare {
				t.Fatalf("a job of %s in %s is taken twice, or beyond a share", j.Owner, j.Lane.Kind)
			}
			delete(waiting, j)
			owners[j.Owner]++
			lanes[j.Lane.Kind]++
			running = append(running, j)
		case len(running) > 0:
			i := random.IntN(len(running))
			j := running[i]
			running[i] = running[len(running)-1]
			running = running[:len(running)-1]
			owners[j.Owner]--
			lanes[j.Lane.Kind]--
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
	if len(s.lanes) != 0 || len(s.inLane) != 0 || len(s.ofOwner) != 0 || s.turns.len() != 0 {
		t.Errorf("kept when all is done: %+v", s)
	}
}
