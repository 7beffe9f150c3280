package network_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

func TestTrafficIsCounted(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{})
	_, client, peer, g := connected(t, network.Config{Traffic: traffic})
	if _, err := client.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Write([]byte("123")); err != nil {
		t.Fatal(err)
	}
	for _, peek := range []bool{true, false} {
		if _, err := client.Read(make([]byte, 10), peek); err != nil {
			t.Fatal(err)
		}
	}
	if traffic.Sent() != 5 || traffic.Received() != 3 {
		t.Errorf("sent %d, received %d; want 5 and 3", traffic.Sent(), traffic.Received())
	}
	for d, want := range map[network.Direction]hostcalls.Op{
		network.In:  {Kind: hostcalls.OpRead, Bytes: 3},
		network.Out: {Kind: hostcalls.OpWrite, Bytes: 5},
	} {
		op := network.Op(client, want.Kind, d, 100)
		if op.Kind != want.Kind || op.Target != server || op.Bytes != 100 || op.Transferred() != want.Bytes || op.Grant() != g.name {
			t.Errorf("op is %+v, transferred %d by %q", op, op.Transferred(), op.Grant())
		}
	}
}

func TestByteQuota(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{Sent: 12, Received: 13})
	traffic.CountPast(2, 3)
	_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
	if n, err := client.Write(make([]byte, 100)); n != 10 || err != nil {
		t.Errorf("Write = %d, %v; want 10", n, err)
	}
	if n, err := client.Write(make([]byte, 1)); n != 0 || !errors.Is(err, network.ErrQuota) {
		t.Errorf("Write beyond = %d, %v", n, err)
	}
	ready := false
	client.Notify(network.Out, func() { ready = true })()
	if !ready {
		t.Error("a wait to write beyond is not told")
	}
	if _, err := peer.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 100), false); n != 10 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	if n, err := client.Read(make([]byte, 100), false); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Read of nothing = %d, %v", n, err)
	}
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := client.Read(make([]byte, 100), false); n != 0 || !errors.Is(err, network.ErrQuota) {
			t.Errorf("Read beyond = %d, %v", n, err)
		}
	}
}

// A stream that is exactly as long as the quota has its end.
func TestByteQuotaLeavesTheEnd(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{Received: 3})
	_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
	if _, err := peer.Write([]byte("all")); err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	if got, err := io.ReadAll(networktest.NetConn(client)); string(got) != "all" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRateIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(call *hostcalls.Call, d *driver.Driver) {
			traffic := network.NewTraffic(d, network.TrafficLimits{BytesPerSecond: 10_000})
			_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
			for name, move := range map[string]func() (int, error){
				"sending": func() (int, error) { return client.Write(make([]byte, 4096)) },
				"receiving": func() (int, error) {
					_, _ = peer.Write(make([]byte, 4096))
					return client.Read(make([]byte, 4096), false)
				},
			} {
				direction, kind, on := network.Out, hostcalls.OpWrite, hostcalls.Notifier(network.Sink(client))
				if name == "receiving" {
					direction, kind, on = network.In, hostcalls.OpRead, network.Source(client)
				}
				begin, moved, waits := time.Now(), 0, 0
				for moved < 50_000 {
					n, err := move()
					moved += n
					if !errors.Is(err, hostcalls.ErrWouldBlock) {
						continue
					}
					if _, err := peer.Read(make([]byte, 1<<20), false); err == nil {
						continue // it was for want of room
					}
					op := network.Op(client, kind, direction, 4096)
					if op.Kind != hostcalls.OpRate {
						t.Fatalf("%s: waits for %v", name, op.Kind)
					}
					waits++
					if err := call.Await(time.Time{}, hostcalls.Wait{Op: op, On: on}); err != nil {
						t.Error(err)
						return
					}
				}
				if took := time.Since(begin); took < 4800*time.Millisecond || took > 5200*time.Millisecond || waits > 520 {
					t.Errorf("%s 50,000 bytes took %v and %d waits, want 5s", name, took, waits)
				}
			}
		})
	})
}

// Whoever waits for the rate is told when the socket ends, and not after it has stopped.
func TestRateWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(_ *hostcalls.Call, d *driver.Driver) {
			for name, end := range map[string]func(network.TCP, *permit){
				"close":  func(c network.TCP, _ *permit) { _ = c.Close() },
				"revoke": func(_ network.TCP, g *permit) { g.revoke() },
			} {
				traffic := network.NewTraffic(d, network.TrafficLimits{BytesPerSecond: 1000})
				_, client, _, g := connected(t, network.Config{Traffic: traffic})
				if n, err := client.Write(make([]byte, 1000)); n != 100 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
				told, stopped := 0, 0
				client.Notify(network.Out, func() { told++ })
				stop := client.Notify(network.Out, func() { stopped++ })
				stop()
				stop()
				end(client, g)
				if told != 1 || stopped != 0 {
					t.Errorf("%s: told %d and %d times, want 1 and 0", name, told, stopped)
				}
			}
		})
	})
}
