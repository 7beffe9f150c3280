package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// serviceGuest is a component in Rust that serves HTTP; its folder has its source.
const serviceGuest = "../testdata/services/service.wasm"

// BenchmarkService measures a component that answers with a few bytes, on 32 connections that are kept alive, with instances that
// are used again and with one for each request, against a native server of net/http, and against Wasmtime if there is one. The servers
// are driven in turns. What is reported are medians: of the turns, and of the ratios to native within a turn, in processor time and in
// requests a second.
func BenchmarkService(b *testing.B) {
	const connections = 32
	d := testkit.Start(b, b.TempDir())
	native := startNative(b, "http")
	servers := []*server{
		{name: "native", program: native},
		{name: "again", program: program{said: serveComponent(b, d, &reactorv1.HttpService{}), pid: d.PID}},
		{name: "single", program: program{
			said: serveComponent(b, d, &reactorv1.HttpService{MaxInstanceRequests: 1, MaxInstances: connections}), pid: d.PID,
		}},
	}
	if p, ok := startWasmtime(b, serviceGuest); ok {
		servers = append(servers, &server{name: "wasmtime", program: p})
	}
	for b.Loop() {
		for _, s := range servers {
			s.turns = append(s.turns, driveLean(b, s.said, connections, s.pid))
		}
	}
	d.Stop()
	for _, s := range servers {
		b.ReportMetric(s.median(func(turn int) float64 { return s.turns[turn].perSecond }), s.name+"/s")
		b.ReportMetric(s.median(func(turn int) float64 { return s.turns[turn].cpu }), s.name+"-cpu-us")
		if s != servers[0] {
			b.ReportMetric(s.median(func(turn int) float64 { return servers[0].turns[turn].cpu / s.turns[turn].cpu }), s.name+"-x-native-cpu")
			b.ReportMetric(s.median(func(turn int) float64 { return s.turns[turn].perSecond / servers[0].turns[turn].perSecond }), s.name+"-x-native")
		}
	}
}

// server is a server that takes its turns.
type server struct {
	program
	name  string
	turns []load
}

// median returns the median of a figure of the turns.
func (s *server) median(of func(turn int) float64) float64 {
	figures := make([]float64, len(s.turns))
	for turn := range s.turns {
		figures[turn] = of(turn)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// BenchmarkServiceWaiting measures requests that wait in a component at the same time: the memory of each, and how long all of them
// take that wait for 50 ms.
func BenchmarkServiceWaiting(b *testing.B) {
	const requests = 2000
	d := testkit.Start(b, b.TempDir())
	address := serveComponent(b, d, &reactorv1.HttpService{MaxConcurrentRequests: requests, MaxWaitingRequests: requests})
	for _, version := range []string{"http1", "http2"} {
		b.Run(version, func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: requests}
			if version == "http2" {
				transport.Protocols = new(http.Protocols)
				transport.Protocols.SetUnencryptedHTTP2(true)
			}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			askAll := func(path string) time.Duration {
				var all sync.WaitGroup
				start := time.Now()
				for range requests {
					all.Go(func() {
						resp, err := client.Get("http://" + address + path)
						if err != nil {
							b.Error(err)
							return
						}
						_ = resp.Body.Close()
						if resp.StatusCode != http.StatusOK {
							b.Error(resp.StatusCode)
						}
					})
				}
				all.Wait()
				return time.Since(start)
			}
			for b.Loop() {
				askAll("/sleep?1")
				before := d.Stats(b).GetResidentBytes()
				done := make(chan struct{})
				go func() {
					defer close(done)
					askAll("/sleep?3000")
				}()
				time.Sleep(2 * time.Second)
				b.ReportMetric((mebibytes(d.Stats(b).GetResidentBytes())-mebibytes(before))*1024/requests, "KiB/request")
				<-done
				b.ReportMetric(float64(askAll("/sleep?50").Milliseconds()), "ms-all")
			}
		})
	}
	d.Stop()
}

// BenchmarkHogService measures what BenchmarkHog does, beside a service as well: as many requests as it answers, and 2,000 a second.
// native-late is of a native program that sleeps as long at the same time, by calls of the kernel alone.
func BenchmarkHogService(b *testing.B) {
	const connections = 32
	for _, load := range []struct {
		name  string
		every time.Duration
	}{{"full", 0}, {"2000", connections * time.Second / 2000}} {
		b.Run("load="+load.name, func(b *testing.B) {
			for b.Loop() {
				d := testkit.Start(b, b.TempDir())
				address := serveComponent(b, d, &reactorv1.HttpService{})
				file := filepath.Join(b.TempDir(), "late")
				native := startNative(b, "sleep", file)
				besideHogs(b, d, func() {
					b.ReportMetric(driveHTTPEvery(b, address, connections, load.every, d.PID).perSecond, "requests/s")
				})
				var p50, p99 int64
				for deadline := time.Now().Add(testkit.Patience); p99 == 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
					text, _ := os.ReadFile(file) // it is not there yet
					_, _ = fmt.Sscan(string(text), &p50, &p99)
				}
				native.stop()
				b.ReportMetric(float64(p50)/1e6, "native-late-p50-ms")
				b.ReportMetric(float64(p99)/1e6, "native-late-p99-ms")
			}
		})
	}
}

// serveComponent starts a service, and returns its address.
func serveComponent(b *testing.B, d *testkit.Daemon, how *reactorv1.HttpService) string {
	b.Helper()
	guest, err := os.ReadFile(serviceGuest)
	if err != nil {
		b.Fatal(err)
	}
	return serveSpec(b, d, &reactorv1.WorkloadSpec{Module: d.Push(b, guest), Serve: how})
}
