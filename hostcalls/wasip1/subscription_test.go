package wasip1

import (
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clockSubscription encodes a subscription to a clock, as the specification lays it out.
func clockSubscription(userdata uint64, clock clockid, timeout uint64, flags uint16) []byte {
	b := make([]byte, sizeSubscription)
	le.PutUint64(b[0:], userdata)
	b[8] = byte(eventClock)
	le.PutUint32(b[16:], uint32(clock))
	le.PutUint64(b[24:], timeout)
	le.PutUint64(b[32:], 1000) // precision
	le.PutUint16(b[40:], flags)
	return b
}

// fdSubscription encodes a subscription to a descriptor.
func fdSubscription(userdata uint64, kind eventtype, fd uint32) []byte {
	b := make([]byte, sizeSubscription)
	le.PutUint64(b[0:], userdata)
	b[8] = byte(kind)
	le.PutUint32(b[16:], fd)
	return b
}

func TestDecodeSubscription(t *testing.T) {
	unexported := cmp.AllowUnexported(subscription{})
	want := subscription{userdata: 9, kind: eventClock, clock: clockMonotonic, timeout: 1 << 40, flags: 1}
	if diff := cmp.Diff(want, decodeSubscription(clockSubscription(9, clockMonotonic, 1<<40, 1)), unexported); diff != "" {
		t.Error(diff)
	}
	want = subscription{userdata: 1 << 63, kind: eventFdWrite, fd: 7}
	if diff := cmp.Diff(want, decodeSubscription(fdSubscription(1<<63, eventFdWrite, 7)), unexported); diff != "" {
		t.Error(diff)
	}
}

func TestEventLayout(t *testing.T) {
	b := make([]byte, sizeEvent)
	event{userdata: 0x0102030405060708, err: errnoBadf, kind: eventFdRead, nbytes: 0x1122, hangup: true}.put(b)
	const want = "0807060504030201" + "0800" + "01" + "0000000000" + "2211000000000000" + "0100" + "000000000000"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("event is\n%s, want\n%s", got, want)
	}
}

func TestDeadline(t *testing.T) {
	started := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := started.Add(time.Minute)
	wall := uint64(now.UnixNano())
	tests := []struct {
		name string
		sub  subscription
		want time.Duration // from now
		e    errno
	}{
		{"relative, realtime", subscription{clock: clockRealtime, timeout: 5}, 5, 0},
		{"relative, monotonic", subscription{clock: clockMonotonic, timeout: 5}, 5, 0},
		{"relative, none", subscription{clock: clockMonotonic}, 0, 0},
		{"relative, longest", subscription{clock: clockMonotonic, timeout: math.MaxUint64}, maxWait, 0},
		{"absolute, realtime, to come", subscription{clock: clockRealtime, timeout: wall + 7, flags: 1}, 7, 0},
		{"absolute, realtime, past", subscription{clock: clockRealtime, timeout: wall - 7, flags: 1}, -7, 0},
		{"absolute, realtime, longest", subscription{clock: clockRealtime, timeout: math.MaxUint64, flags: 1}, maxWait, 0},
		{"absolute, monotonic", subscription{clock: clockMonotonic, timeout: uint64(2*time.Minute) + 1, flags: 1}, time.Minute, 0},
		{"absolute, monotonic, past", subscription{clock: clockMonotonic, timeout: 1, flags: 1}, -time.Minute, 0},
		{"CPU time", subscription{clock: clockProcessCPU}, 0, errnoNotsup},
		{"CPU time of the thread", subscription{clock: clockThreadCPU}, 0, errnoNotsup},
		{"no such clock", subscription{clock: 4}, 0, errnoInval},
		{"no such flag", subscription{clock: clockRealtime, flags: 2}, 0, errnoInval},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			due, e := tt.sub.deadline(now, started)
			if e != tt.e || (e == 0 && due.Sub(now) != tt.want) {
				t.Errorf("due in %v, errno %d; want %v, errno %d", due.Sub(now), e, tt.want, tt.e)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	look := func(fd uint32, _ eventtype) (readiness, errno) {
		switch fd {
		case 0:
			return readyLater, errnoSuccess
		case 1:
			return alwaysReady, errnoSuccess
		case 2:
			return 0, errnoBadf
		default:
			return neverReady, errnoSuccess
		}
	}
	in := func(d time.Duration) subscription { return subscription{clock: clockMonotonic, timeout: uint64(d)} }
	fd := func(n uint32) subscription { return subscription{kind: eventFdRead, fd: n} }
	tests := []struct {
		name string
		subs []subscription
		over []bool
		due  time.Duration // from now; -1: never
	}{
		{"nothing but a wait", []subscription{fd(0)}, []bool{false}, -1},
		{"the first clock counts", []subscription{in(9), fd(0), in(3), in(5)}, []bool{false, false, false, false}, 3},
		{"a clock that is due", []subscription{in(9), in(0)}, []bool{false, true}, 0},
		{"a file", []subscription{in(9), fd(1)}, []bool{false, true}, 0},
		{"an error", []subscription{in(9), fd(2)}, []bool{false, true}, 0},
		{"what is never ready", []subscription{in(9), fd(3)}, []bool{false, false}, 9},
		{"no such type", []subscription{in(9), {kind: 3}}, []bool{false, true}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all []pending
			for i, s := range tt.subs {
				p := plan(s, now, now, look)
				if got := p.over(now); got != tt.over[i] {
					t.Errorf("subscription %d is over: %v, want %v", i, got, tt.over[i])
				}
				all = append(all, p)
			}
			got := time.Duration(-1)
			if due := earliest(all, now); !due.IsZero() {
				got = due.Sub(now)
			}
			if got != tt.due {
				t.Errorf("due in %d, want %d", got, tt.due)
			}
		})
	}
}
