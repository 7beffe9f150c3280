package wasip1

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// TestPollKeepsStarts: what other descriptors do leaves the start of a wait as it is; a use or readiness begins it anew,
// in its direction alone.
func TestPollKeepsStarts(t *testing.T) {
	withNetwork(t, func(c *caller, _ *networktest.Stack) {
		listener := c.openSocket(afInet4, sockStream)
		record, port := c.address(ownAt, sizeInet4)
		c.want(errnoSuccess, "sock_bind", listener, record, port)
		c.want(errnoSuccess, "sock_listen", listener, 5)
		client := c.openSocket(afInet4, sockStream)
		c.connect(errnoSuccess, client, ownAt)
		c.want(errnoSuccess, "sock_accept", listener, uint64(fdflagNonblock), inResult)
		accepted := uint64(c.u32(inResult))
		datagrams := c.openSocket(afInet4, sockDgram)
		began := func(fd uint64, e eventtype) time.Time {
			return time.Unix(0, int64(*c.fds.entries[fd].(poller).waitStart(e)))
		}
		pass := func() time.Time {
			now := time.Now()
			c.poll(fdSubscription(1, eventFdRead, uint32(listener)), fdSubscription(2, eventFdRead, uint32(accepted)),
				fdSubscription(3, eventFdRead, uint32(client)), fdSubscription(4, eventFdRead, uint32(datagrams)),
				clockSubscription(9, clockMonotonic, uint64(time.Second), 0))
			return now
		}
		first := pass()
		want := map[uint64]time.Time{listener: first, accepted: first, client: first, datagrams: first}
		check := func(when string) {
			t.Helper()
			pass()
			for fd, start := range want {
				if got := began(fd, eventFdRead); !got.Equal(start) {
					t.Errorf("%s: the wait for descriptor %d began at %v, want %v", when, fd, got, start)
				}
			}
		}
		send := func(from uint64) {
			c.iovec(inVec, inBuffer, 4)
			c.want(errnoSuccess, "fd_write", from, inVec, 1, inResult)
		}
		receive := func(want errno, by uint64) {
			c.iovec(inVec, inBuffer, 4)
			c.want(want, "sock_recv", by, inVec, 1, 0, inResult, inFlags)
		}
		check("nothing happens")
		receive(errnoAgain, accepted)
		send(accepted)
		c.poll(fdSubscription(1, eventFdRead, uint32(client)))
		receive(errnoSuccess, client)
		want[client] = time.Now()
		check("the other end was written to")
		send(client)
		receive(errnoSuccess, accepted) // no poll has told that it is ready
		want[accepted] = time.Now()
		check("it was read without a poll")
		another := c.openSocket(afInet4, sockStream)
		c.connect(errnoSuccess, another, ownAt)
		c.want(errnoSuccess, "sock_accept", listener, 0, inResult)
		want[listener] = time.Now()
		check("a connection was accepted")
	})
}

// TestPollKeepsStartOfStream: the start of a wait for a standard stream is shown by the operation, however often another
// descriptor wakes the guest.
func TestPollKeepsStartOfStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := hostcalls.NewPipe(0)
		var process *Process
		wait, _ := startProcess(t, abi.Config{Stdin: in.Reader()}, func(c *caller) {
			process = c.Process
			for range 3 {
				c.poll(fdSubscription(1, eventFdRead, 0), clockSubscription(2, clockMonotonic, uint64(time.Second), 0))
			}
			c.iovec(0, 100, 3)
			c.want(errnoSuccess, "fd_read", 0, 0, 1, 16) // waits
			c.poll(fdSubscription(1, eventFdRead, 0), clockSubscription(2, clockMonotonic, uint64(time.Second), 0))
		})
		begin := time.Now()
		ageIs := func(want time.Duration) {
			t.Helper()
			synctest.Wait()
			ops := process.AppendOps(nil)
			if len(ops) == 0 || ops[0].Kind != hostcalls.OpRead || !ops[0].Start.Equal(time.Now().Add(-want)) {
				t.Errorf("after %v: ops %+v, want first a read that has lasted %v", time.Since(begin), ops, want)
			}
		}
		for i := range 3 {
			time.Sleep(500 * time.Millisecond)
			ageIs(time.Duration(i)*time.Second + 500*time.Millisecond)
			time.Sleep(500 * time.Millisecond)
		}
		ageIs(0) // a read that waits by itself begins when it does
		time.Sleep(500 * time.Millisecond)
		write(t, in, "abc")
		ageIs(0)
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}
