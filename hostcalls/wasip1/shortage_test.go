package wasip1

import (
	"net"
	"syscall"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// Without a descriptor of the host a program is told what it knows as its own limit, and what it could not accept it can
// accept later. Nothing is refused while nobody connects.
func TestNoDescriptorOfTheHost(t *testing.T) {
	const other = "another workload"
	refused := 0
	budget := hostcalls.NewBudget(3)
	budget.OnRefused = func(string) { refused++ }
	addresses, connected := make(chan string, 1), make(chan struct{})
	wait, _ := startProcess(t, abi.Config{
		Grants: []capability.Grant{listenerGrant("127.0.0.1:0")}, Descriptors: 9, Budget: budget,
	}, func(c *caller) {
		if !budget.Take(other, 2) {
			t.Fatal("nothing is left for the other workload")
		}
		c.want(errnoAgain, "sock_accept", 3, 0, 0)
		addresses <- c.ListenAddresses()[0]
		<-connected
		c.poll(fdSubscription(1, eventFdRead, 3))
		for range 3 {
			c.want(errnoMfile, "sock_accept", 3, 0, 0)
			if events := c.poll(fdSubscription(1, eventFdRead, 3)); len(events) != 1 {
				t.Errorf("nobody waits to be accepted: %v", events)
			}
		}
		c.want(errnoMfile, "sock_open", afInet4, sockStream, 0)
		if refused != 4 {
			t.Errorf("%d refusals were told, want 4", refused)
		}
		budget.Give(other, 2)
		c.want(errnoSuccess, "sock_accept", 3, 0, 0)
	})
	conn, err := net.Dial("tcp", <-addresses)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	close(connected)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestDescriptorErrnos(t *testing.T) {
	for _, code := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		if e := errnoOf(code); e != errnoMfile {
			t.Errorf("%v is %d, want mfile", code, e)
		}
	}
}
