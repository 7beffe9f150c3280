package executor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

const testQuantum = 100_000

// queueOf returns an empty queue and a function that makes tasks of its tenants.
func queueOf() (*readyQueue, func(tenant string) *Task) {
	q := newReadyQueue(testQuantum)
	return &q, func(name string) *Task {
		t := &Task{tenant: q.tenant(name)}
		t.tenant.tasks++
		return t
	}
}

// TestQueueOrder pushes tasks, takes them all, and looks at the order. A task is written as its
// tenant's letter, its class (t, f or b) and a digit; what each burns when taken is a full quantum for
// the background and nothing for the others.
func TestQueueOrder(t *testing.T) {
	tests := []struct {
		name, push, want string
	}{
		{"empty", "", ""},
		{"foreground is first in, first out", "Af1 Af2 Af3", "Af1 Af2 Af3"},
		{"background is first in, first out", "Ab1 Ab2 Ab3", "Ab1 Ab2 Ab3"},
		{"foreground goes first", "Ab1 Ab2 Af1 Af2", "Af1 Af2 Ab1 Ab2"},
		{"timers go before the foreground", "Ab1 Af1 Af2 At1 At2", "At1 At2 Af1 Af2 Ab1"},
		{"one tenant's timers do not outrank another's foreground", "Af1 Bt1 Af2 Bt2", "Af1 Bt1 Af2 Bt2"},
		{"tenants take turns", "Ab1 Ab2 Ab3 Bb1 Bb2", "Ab1 Bb1 Ab2 Bb2 Ab3"},
		{"one tenant's foreground does not outrank another's background", "Ab1 Bf1 Bb1 Ab2", "Ab1 Bf1 Bb1 Ab2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, task := queueOf()
			names := map[*Task]string{}
			for _, name := range strings.Fields(tt.push) {
				tk := task(name[:1])
				names[tk] = name
				q.push(tk, map[byte]class{'t': timed, 'f': foreground, 'b': background}[name[1]])
			}
			var got []string
			for q.len > 0 {
				tk := q.take()
				got = append(got, names[tk])
				q.settle(tk, map[class]int64{background: testQuantum}[tk.class])
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tk := q.take(); tk != nil {
				t.Errorf("take of an empty queue = %v", tk)
			}
		})
	}
}

// burn simulates workers that take, burn and settle tasks for some time, and returns the fuel that each tenant burnt.
// what returns the fuel that a task burns and the class it then goes to, or false if it parks.
func burn(q *readyQueue, workers, steps int, what func(*Task) (int64, class, bool)) map[string]int64 {
	burnt := map[string]int64{}
	var out []*Task
	for range steps {
		for len(out) < workers && q.len > 0 {
			out = append(out, q.take())
		}
		if len(out) == 0 {
			break
		}
		t := out[0]
		out = out[1:]
		fuel, c, ready := what(t)
		burnt[t.tenant.name] += fuel
		q.settle(t, fuel)
		if ready {
			q.push(t, c)
		}
	}
	return burnt
}

func spin(*Task) (int64, class, bool) { return testQuantum, background, true }

// TestQueueShares: tenants with work to do share by weight, however many tasks each has.
func TestQueueShares(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	for range 200 {
		q, task := queueOf()
		workers := 1 + rng.IntN(4)
		var weights int
		tenants := 1 + rng.IntN(5)
		weight := map[string]int{}
		for i := range tenants {
			name := fmt.Sprint("tenant", i)
			weight[name] = 1 + rng.IntN(7)
			weights += weight[name]
			q.setWeight(name, weight[name])
			for range workers + rng.IntN(20) { // enough to use any share
				q.push(task(name), background)
			}
		}
		const steps = 20_000
		burnt := burn(q, workers, steps, func(*Task) (int64, class, bool) {
			return 1 + rng.Int64N(2*testQuantum), background, true
		})
		var total int64
		for _, b := range burnt {
			total += b
		}
		for name, w := range weight {
			want := float64(total) * float64(w) / float64(weights)
			if got := float64(burnt[name]); math.Abs(got-want) > 4*testQuantum*float64(workers+w) {
				t.Fatalf("%d workers, weights %v: %s burnt %.3f of the fuel, want %.3f",
					workers, weight, name, got/float64(total), want/float64(total))
			}
		}
	}
}

// TestQueueLoneTaskKeepsItsShare: a tenant with one task and a large weight cannot use its share of
// two workers, but it gets the one worker it can use, whatever others do.
func TestQueueLoneTaskKeepsItsShare(t *testing.T) {
	q, task := queueOf()
	q.setWeight("lone", 9)
	q.push(task("lone"), background)
	for range 10 {
		q.push(task("crowd"), background)
	}
	burnt := burn(q, 2, 10_000, spin)
	if share := float64(burnt["lone"]) / 10_000 / testQuantum; share < 0.49 {
		t.Errorf("it got %.2f of the fuel, want one of two workers", share)
	}
}

// TestQueueIdlenessIsNotBanked: a tenant that was idle is served at once when it comes back, and
// then gets its share and no more.
func TestQueueIdlenessIsNotBanked(t *testing.T) {
	q, task := queueOf()
	q.push(task("early"), background)
	q.tenant("late")
	burn(q, 1, 10_000, spin)

	late := task("late")
	q.push(late, foreground)
	if got := q.take(); got != late {
		t.Fatal("the tenant that came back was not served first")
	}
	q.settle(late, testQuantum)
	q.push(late, background)
	burnt := burn(q, 1, 1000, spin)
	if burnt["early"] < 498*testQuantum {
		t.Errorf("the other got %d of 1000 quanta, want half", burnt["early"]/testQuantum)
	}
}

// TestQueueTinyResumesArePaidFor: tasks that burn nothing are still charged to their tenant.
func TestQueueTinyResumesArePaidFor(t *testing.T) {
	q, task := queueOf()
	q.push(task("spins"), background)
	for range 10 {
		q.push(task("flutters"), foreground)
	}
	var spun int
	burn(q, 1, 10*testQuantum/resumeCost, func(t *Task) (int64, class, bool) {
		if t.tenant.name == "spins" {
			spun++
			return testQuantum, background, true
		}
		return 0, foreground, true
	})
	if spun < 8 || spun > 12 {
		t.Errorf("the spinning tenant got %d quanta in the time of 10", spun)
	}
}

// TestQueueFloodDoesNotStarve: however many tasks are woken, the tenant's background gets an eighth, and no more as long
// as there are woken tasks.
func TestQueueFloodDoesNotStarve(t *testing.T) {
	for _, each := range []int64{0, 5000, testQuantum} {
		q, task := queueOf()
		hogs := map[*Task]bool{}
		for range 3 {
			hog := task("tenant")
			hogs[hog] = true
			q.push(hog, background)
		}
		for range 1000 {
			q.push(task("tenant"), foreground)
		}
		var hogged, total int64
		burn(q, 2, 100_000, func(t *Task) (int64, class, bool) {
			if hogs[t] {
				hogged += testQuantum
				total += testQuantum
				return testQuantum, background, true
			}
			total += max(each, resumeCost)
			return each, foreground, true
		})
		if share := float64(hogged) / float64(total); share < 0.12 || share > 0.13 {
			t.Errorf("woken tasks that burn %d: the background got %.3f, want an eighth", each, share)
		}
	}
}

// TestQueueTimersDoNotStarve: however often timers wake tasks, and however much those burn, half of what the tenant's woken
// tasks burn is the foreground's, and the background gets an eighth of all.
func TestQueueTimersDoNotStarve(t *testing.T) {
	for _, tt := range []struct {
		timed, fore int64 // what each burns
		workers     int
		least       float64 // of what woken tasks burn, the foreground's part
	}{
		{0, 0, 1, 0.49},
		{5000, 5000, 2, 0.49},
		{700, 40_000, 2, 0.49},
		{0, testQuantum / 2, 1, 0.49},
		{testQuantum / heavyShare, 0, 1, 0.49},
		{testQuantum / heavyShare, testQuantum, 1, 0.49},
		{testQuantum / heavyShare, 0, 2, 0.44}, // the lead is known when they have burnt it
	} {
		q, task := queueOf()
		for range 1000 {
			q.push(task("tenant"), timed)
			q.push(task("tenant"), foreground)
		}
		for range 3 {
			q.push(task("tenant"), background)
		}
		var burnt [classes]float64
		burn(q, tt.workers, 200_000, func(t *Task) (int64, class, bool) {
			fuel := map[class]int64{timed: tt.timed, foreground: tt.fore, background: testQuantum}[t.class]
			burnt[t.class] += float64(max(fuel, resumeCost))
			return fuel, t.class, true
		})
		woken := burnt[timed] + burnt[foreground]
		if share := burnt[foreground] / woken; share < tt.least || share > 0.51 {
			t.Errorf("%+v: the foreground got %.3f of what woken tasks burn", tt, share)
		}
		if share := burnt[background] / (woken + burnt[background]); share < 0.12 || share > 0.13 {
			t.Errorf("%+v: the background got %.3f, want an eighth", tt, share)
		}
	}
}

// TestQueueTimersPayBack: timers that burn less than the foreground always go first, also after one that burnt very much.
func TestQueueTimersPayBack(t *testing.T) {
	q, task := queueOf()
	fore := make([]*Task, 100)
	for i := range fore {
		fore[i] = task("tenant")
		q.push(fore[i], foreground)
	}
	sleeper := task("tenant")
	turn := func(c class, burnt int64) {
		t.Helper()
		tk := q.take()
		if tk.class != c {
			t.Fatalf("class %d went first, want %d", tk.class, c)
		}
		q.settle(tk, burnt)
		if c == foreground {
			q.push(tk, foreground)
		}
	}
	for range 10_000 {
		q.push(sleeper, timed)
		turn(timed, 5000)
		turn(foreground, 6000)
	}
	for range heavyShare {
		q.push(sleeper, timed)
		turn(timed, testQuantum/heavyShare)
	}
	q.push(sleeper, timed)
	turn(foreground, 6000)
	turn(timed, 5000)
}

// TestQueueHeavyTimers: tasks that burn much whenever a timer wakes them do not make others late that burn little.
func TestQueueHeavyTimers(t *testing.T) {
	q, task := queueOf()
	sleeper := task("tenant")
	burns := map[*Task]int64{sleeper: 5000}
	for range 50 {
		heavy := task("tenant")
		burns[heavy] = testQuantum / 2
		q.push(heavy, timed)
	}
	for turns := range 1000 {
		if turns == 500 { // they have paid back what they burnt before it was known that they are heavy
			q.push(sleeper, timed)
		}
		tk := q.take()
		if turns == 500 && tk != sleeper {
			t.Fatal("a task that burns little waits for one that burns much")
		}
		q.settle(tk, burns[tk])
		if tk != sleeper {
			q.push(tk, timed)
		} else if turns != 500 {
			t.Fatalf("the sleeper came at turn %d", turns)
		}
	}
	// It is what a task burnt last that counts.
	late := task("tenant")
	q.push(late, timed)
	for tk := q.take(); tk != late; tk = q.take() {
		q.settle(tk, 5000)
	}
}

// TestTenantChargeIsExact: the remainder of the division is not lost, in either direction.
func TestTenantChargeIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 15))
	for weight := int64(1); weight < 1000; weight += 37 {
		tn := tenant{weight: weight}
		var total int64
		for range 1000 {
			fuel := rng.Int64N(2000) - 500
			total += fuel
			tn.charge(fuel)
		}
		if got := tn.vtime*weight + tn.residue; got != total {
			t.Fatalf("weight %d: charged %d of %d", weight, got, total)
		}
		if tn.residue <= -weight || tn.residue >= weight {
			t.Fatalf("weight %d: a residue of %d", weight, tn.residue)
		}
	}
}

// TestQueueRebase: setting all virtual times back does not change the order.
func TestQueueRebase(t *testing.T) {
	q, task := queueOf()
	q.setWeight("b", 3)
	q.now = rebaseAt - 50*testQuantum
	for _, name := range []string{"a", "b", "idle"} {
		q.tenant(name).vtime = q.now
	}
	for range 4 {
		q.push(task("a"), background)
		q.push(task("b"), background)
	}
	burnt := burn(q, 1, 4000, spin)
	if q.now > rebaseAt/2 {
		t.Fatal("virtual time was not set back")
	}
	if got := burnt["b"] / testQuantum; got < 2990 || got > 3010 {
		t.Errorf("b got %d of 4000 quanta, want 3000", got)
	}
}

// TestQueueForgetsTenants: tenants without tasks are forgotten, unless they are ahead or have a weight.
func TestQueueForgetsTenants(t *testing.T) {
	q, task := queueOf()
	q.setWeight("weighty", 5)
	ahead := task("ahead")
	q.push(ahead, background)
	q.settle(q.take(), testQuantum)
	ahead.tenant.tasks--
	for i := range 10_000 {
		q.tenant(fmt.Sprint("passer-by ", i))
	}
	if len(q.tenants) > 200 {
		t.Errorf("%d tenants are known", len(q.tenants))
	}
	if q.tenants["weighty"] == nil || q.tenants["ahead"] == nil {
		t.Error("a tenant was forgotten that matters")
	}
}

func BenchmarkQueue(b *testing.B) {
	for _, tenants := range []int{1, 100} {
		b.Run(fmt.Sprintf("tenants=%d", tenants), func(b *testing.B) {
			q, task := queueOf()
			for i := range 1000 {
				q.push(task(fmt.Sprint(i%tenants)), class(i%classes))
			}
			for b.Loop() {
				t := q.take()
				c := t.class
				q.settle(t, 1000)
				q.push(t, c)
			}
		})
	}
}
