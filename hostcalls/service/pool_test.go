package service

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bench plays a service: the instances are "a", "b", ... in the order in which they were made, the requests are numbers.
type bench struct {
	t       *testing.T
	pool    pool
	now     time.Time
	names   map[*member]string
	tickets map[int]*ticket
}

func newBench(t *testing.T, p Policy) *bench {
	return &bench{t: t, pool: pool{policy: p}, now: time.Unix(0, 0), names: map[*member]string{}, tickets: map[int]*ticket{}}
}

func (b *bench) name(m *member) string {
	if b.names[m] == "" {
		b.names[m] = string(rune('a' + len(b.names)))
	}
	return b.names[m]
}

func (b *bench) member(name string) *member {
	for m, n := range b.names {
		if n == name {
			return m
		}
	}
	b.t.Fatalf("there was no instance %q", name)
	return nil
}

// do carries out steps, such as "+1" for request 1, which comes, and returns what became of each:
//
//	+N  it comes: the name of its instance, with "!" if it was made; "wait"; "full"; "not M:" before that if M is refused
//	    instead. Letters after the number are its caller
//	-N  it is over: "end" if its instance is to end
//	~N  it is late, likewise
//	^N  its instance does not begin with it: "stays", or "moves" and is the first that waits, and then likewise
//	!a  instance a begins with a request
//	xN  it is withdrawn: "true" or "false"
//	>   the next that waits: "N:" and as +
//	.a  instance a has ended
//	@S  S seconds pass, and who is idle expires: their names, and when to ask again
func (b *bench) do(steps string) string {
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	place := func(t *ticket, v verdict) string {
		switch v {
		case given:
			return b.name(t.member)
		case made:
			return b.name(t.member) + "!"
		case queued:
			return "wait"
		default:
			return "full"
		}
	}
	end := func(yes bool) {
		if yes {
			say("end")
		} else {
			say("-")
		}
	}
	for step := range strings.FieldsSeq(steps) {
		var n int
		_, _ = fmt.Sscanf(step[1:], "%d", &n)
		switch step[0] {
		case '+':
			t := &ticket{caller: strings.TrimLeft(step, "+0123456789")}
			b.tickets[n] = t
			v, instead := b.pool.admit(t)
			for number, other := range b.tickets {
				if other == instead {
					say("not %d:", number)
				}
			}
			say("%s", place(t, v))
		case '-':
			end(b.pool.done(b.tickets[n], b.now))
		case '~':
			end(b.pool.delay(b.tickets[n]))
		case '^':
			if !b.pool.moves(b.tickets[n]) {
				say("stays")
				continue
			}
			say("moves")
			end(b.pool.giveBack(b.tickets[n], b.now))
		case '!':
			b.member(step[1:]).stalled = false
		case 'x':
			say("%t", b.pool.withdraw(b.tickets[n]))
		case '>':
			t, v := b.pool.next()
			if t == nil {
				say("none")
				continue
			}
			for number, other := range b.tickets {
				if other == t {
					say("%d:%s", number, place(t, v))
				}
			}
		case '.':
			b.pool.lost(b.member(step[1:]))
		case '@':
			b.now = b.now.Add(time.Duration(n) * time.Second)
			ended, next := b.pool.expire(b.now)
			var names []string
			for _, m := range ended {
				names = append(names, b.name(m))
			}
			again := "-"
			if !next.IsZero() {
				again = next.Sub(b.now).String()
			}
			say("[%s]%s", strings.Join(names, ","), again)
		}
	}
	return strings.Join(said, " ")
}

type poolCase struct{ name, steps, want string }

func runPool(t *testing.T, p Policy, cases []poolCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, p)
			if got := b.do(c.steps); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.steps, got, c.want)
			}
			active := 0
			for _, m := range b.pool.members {
				active += m.active
			}
			if active != b.pool.active {
				t.Errorf("%d requests are counted, and the instances have %d", b.pool.active, active)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	runPool(t, Policy{Instances: 2, Concurrent: 3, Requests: 100, Queue: 10}, []poolCase{
		{"an instance that is free is used again", "+1 -1 +2", "a! - a"},
		{"one is made while all have requests", "+1 +2", "a! b!"},
		{"then the one with the fewest takes it", "+1 +2 +3 +4 -2 -4 +5", "a! b! a b - - b"},
		{"of several that are free the oldest", "+1 +2 -2 -1 +3", "a! b! - - a"},
		{"none takes more than it may", "+1 +2 +3 +4 +5 +6 +7", "a! b! a b a b wait"},
	})
}

func TestQueue(t *testing.T) {
	runPool(t, Policy{Instances: 1, Concurrent: 1, Requests: 100, Queue: 2}, []poolCase{
		{"first come, first served", "+1 +2 +3 -1 > -2 >", "a! wait wait - 2:a - 3:a"},
		{"nobody passes those who wait", "+1 +2 -1 +3 > >", "a! wait - wait 2:a none"},
		{"too many are refused", "+1 +2 +3 +4", "a! wait wait full"},
		{"one that is withdrawn makes room", "+1 +2 +3 x2 +4 -1 >", "a! wait wait true wait - 3:a"},
		{"what has an instance is not withdrawn", "+1 x1", "a! false"},
	})
	runPool(t, Policy{Instances: 1, Concurrent: 1, Requests: 100}, []poolCase{
		{"without a queue nobody waits", "+1 +2 -1 +3", "a! full - a"},
	})
}

func TestTurns(t *testing.T) {
	runPool(t, Policy{Instances: 1, Concurrent: 1, Requests: 100, Queue: 4}, []poolCase{
		{"of callers in turn", "+1a +2a +3a +4b +5c -1 > -2 > -4 > -5 > -3 >", "a! wait wait wait wait - 2:a - 4:a - 5:a - 3:a - none"},
		{"one that comes later waits for one of each", "+1a +2a +3a +4b -1 > +5b -2 > -4 > -3 >", "a! wait wait wait - 2:a wait - 4:a - 3:a - 5:a"},
		{"that is withdrawn", "+1a +2a +3b x2 -1 > -3 >", "a! wait wait true - 3:a - none"},
		{"the last of those with the most makes room", "+1a +2a +3a +4a +5a +6b +7b +8b", "a! wait wait wait wait not 5: wait not 4: wait full"},
		{"but not for its own caller", "+1a +2a +3a +4a +5b +6a +7b", "a! wait wait wait wait full not 4: wait"},
		{"nor for one that has as many less one", "+1a +2a +3a +4b +5c +6b", "a! wait wait wait wait full"},
	})
	runPool(t, Policy{Instances: 1, Concurrent: 1, Requests: 1, Queue: 4}, []poolCase{
		{"nobody waits when all are served", "+1a +2b -1 > -2 .a .b +3b", "a! wait end 2:b! end c!"},
	})
	runPool(t, Policy{Instances: 2, Concurrent: 1, Requests: 100, Queue: 4}, []poolCase{
		{"what an instance did not begin with is the first", "+1b +2a +3a +4b -2 ^1 > -1 >", "a! b! wait wait - moves - 1:a - 3:a"},
	})
}

func TestRetire(t *testing.T) {
	runPool(t, Policy{Instances: 1, Concurrent: 2, Requests: 2, Queue: 10}, []poolCase{
		{"after so many requests another one is made", "+1 -1 +2 -2 +3", "a! - a end b!"},
		{"it ends when it has none left", "+1 +2 +3 -1 -2 >", "a! a wait - end 3:b!"},
		{"those that end are as many as there may be", "+1 +2 -1 -2 +3 +4 -3 -4 +5 .a >", "a! a - end b! b - end wait 5:c!"},
	})
	runPool(t, Policy{Instances: 2, Concurrent: 1, Requests: 1, Queue: 10}, []poolCase{
		{"an instance for each request", "+1 +2 +3 -1 > .a -2", "a! b! wait end 3:c! end"},
	})
}

func TestLate(t *testing.T) {
	runPool(t, Policy{Instances: 1, Concurrent: 3, Requests: 100, Queue: 10}, []poolCase{
		{"one that is alone ends its instance", "+1 ~1 +2", "a! end b!"},
		{"others are left to end, beside another one", "+1 +2 ~1 +3 -2", "a! a - b! end"},
		{"of which there is only one", "+1 +2 ~1 +3 +4 ~3 +5 -2 .a >", "a! a - b! b - wait end 5:c!"},
		{"it may end after all", "+1 +2 ~1 -1 -2", "a! a - - end"},
		{"it is late once", "+1 ~1 ~1", "a! end -"},
	})
}

func TestMove(t *testing.T) {
	runPool(t, Policy{Instances: 2, Concurrent: 3, Requests: 100, Queue: 10}, []poolCase{
		{"to the other one", "+1 +2 +3 ^3 >", "a! b! a moves - 3:b"},
		{"to one that is made", "+1 +2 -2 +3 +4 .b ^4 >", "a! b! - b a moves - 4:c!"},
		{"to none that is full", "+1 +2 +3 +4 +5 +6 ^5", "a! b! a b a b stays"},
		{"to none that computes", "+1 +2 +3 +4 ^4 ^3 ", "a! b! a b moves - stays"},
		{"others go elsewhere", "+1 +2 +3 ^3 > +4 +5", "a! b! a moves - 3:b b a"},
		{"until it begins with one", "+1 +2 +3 ^3 > !a +4", "a! b! a moves - 3:b a"},
		{"it is the first that waits", "+1 +2 +3 +4 +5 +6 +7 -6 ^5 >", "a! b! a b a b wait - moves - 5:b"},
	})
	runPool(t, Policy{Instances: 1, Concurrent: 3, Requests: 100, Queue: 10}, []poolCase{
		{"there is no other one", "+1 +2 ^2", "a! a stays"},
		{"away from a late one", "+1 +2 ^2 ~1 ^2 >", "a! a stays - moves end 2:b!"},
	})
}

func TestLost(t *testing.T) {
	runPool(t, Policy{Instances: 1, Concurrent: 2, Requests: 100, Queue: 10}, []poolCase{
		{"another one is made", "+1 +2 +3 .a >", "a! a wait 3:b!"},
		{"also when it was ending", "+1 ~1 .a +2 +3 +4", "a! end b! b wait"},
	})
}

func TestIdle(t *testing.T) {
	runPool(t, Policy{Instances: 3, Concurrent: 1, Requests: 100, Idle: 10 * time.Second, Queue: 10}, []poolCase{
		{"after some time", "+1 -1 @9 @1 +2", "a! - []1s [a]- b!"},
		{"not while it has a request", "+1 @100", "a! []-"},
		{"each by itself", "+1 +2 -1 @4 -2 @6 @4", "a! b! - []6s - [a]4s [b]-"},
		{"once", "+1 -1 @10 @10", "a! - [a]- []-"},
	})
}

func TestTooManyTraps(t *testing.T) {
	for _, c := range []struct {
		name  string
		after []int // milliseconds from one trap to the next
		want  int   // the trap that is too many; 0: none
	}{
		{"five at once", []int{0, 0, 0, 0, 0}, 5},
		{"five within a second", []int{0, 240, 240, 240, 240}, 5},
		{"four and then another one", []int{0, 0, 0, 0, 1000}, 0},
		{"many, slowly", []int{0, 300, 300, 300, 300, 300, 300, 300, 300}, 0},
		{"faster later", []int{0, 900, 900, 100, 100, 100, 100}, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			var traps traps
			now, got := time.Unix(0, 0), 0
			for i, d := range c.after {
				now = now.Add(time.Duration(d) * time.Millisecond)
				if traps.note(now) && got == 0 {
					got = i + 1
				}
			}
			if got != c.want {
				t.Errorf("trap %d was too many, want %d", got, c.want)
			}
		})
	}
}
