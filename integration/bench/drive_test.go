package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What the driver takes for its turns: time for connections and buffers to warm up, and the time that is measured.
const (
	turnWarmUp = 200 * time.Millisecond
	turnTime   = time.Second
)

// driveLean sends requests to a process, on connections that are kept alive, as many as it answers. The client is lean and has a process
// of its own, so that what is measured is the server and not the client.
func driveLean(b *testing.B, address string, connections, pid int) load {
	b.Helper()
	client := startNative(b, "drive", address, strconv.Itoa(connections), strconv.Itoa(pid))
	defer client.stop()
	var l load
	if _, err := fmt.Sscan(client.said, &l.perSecond, &l.cpu); err != nil {
		b.Fatalf("the client says %q: %v", client.said, err)
	}
	return l
}

// nativeDrive sends requests to ADDRESS on N connections for a turn, and says how many a second were answered, and how many
// microseconds of processor time each took the process PID.
func nativeDrive(args []string) error {
	connections, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	var answered atomic.Int64
	failed := make(chan error, connections)
	for range connections {
		c, err := net.Dial("tcp", args[0])
		if err != nil {
			return err
		}
		go func() { failed <- askForEver(c, &answered) }()
	}
	time.Sleep(turnWarmUp)
	count, began := answered.Load(), time.Now()
	used, err := processTime(pid)
	if err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-time.After(turnTime):
	}
	took, n := time.Since(began), float64(answered.Load()-count)
	until, err := processTime(pid)
	if err != nil {
		return err
	}
	fmt.Println(n/took.Seconds(), float64((until-used).Nanoseconds())/1e3/n)
	return nil
}

// helloRequest is what the driver sends.
const helloRequest = "GET /hello/world HTTP/1.1\r\nHost: local\r\n\r\n"

// askForEver sends a request when the last one is answered.
func askForEver(c net.Conn, answered *atomic.Int64) error {
	buf := make([]byte, 4096)
	for {
		if _, err := io.WriteString(c, helloRequest); err != nil {
			return err
		}
		for n := 0; !complete(buf[:n]); {
			if n == len(buf) {
				return fmt.Errorf("the answer is %q", buf)
			}
			more, err := c.Read(buf[n:])
			if err != nil {
				return err
			}
			n += more
		}
		answered.Add(1)
	}
}

// complete reports whether an answer has come, which is a greeting of a length that it tells, or in chunks.
func complete(answer []byte) bool {
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ok || !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return false
	}
	const field = "\r\ncontent-length: "
	at := bytes.Index(bytes.ToLower(head), []byte(field))
	if at < 0 {
		return bytes.Contains(bytes.ToLower(body), []byte("\r\nhello")) && bytes.HasSuffix(body, []byte("\r\n0\r\n\r\n"))
	}
	value, _, _ := bytes.Cut(head[at+len(field):], []byte("\r\n"))
	length, err := strconv.Atoi(string(value))
	return err == nil && len(body) == length && bytes.EqualFold(body[:min(len("hello"), length)], []byte("hello"))
}

// wasmtimeVariable names a binary of Wasmtime to compare services with.
const wasmtimeVariable = "REACTORD_WASMTIME"

// startWasmtime has Wasmtime serve a component of WASI 0.3, if there is one. It is killed at the benchmark's end.
func startWasmtime(b *testing.B, component string) (p program, ok bool) {
	b.Helper()
	binary := os.Getenv(wasmtimeVariable)
	if binary == "" {
		b.Logf("Wasmtime is left out: %s names no binary", wasmtimeVariable)
		return program{}, false
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "serve", "-Sp3,cli", "-Wcomponent-model-async", "--addr=127.0.0.1:0", component)
	said, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	b.Cleanup(stop)
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "http://"); found {
			return program{said: strings.TrimRight(address, "/"), pid: cmd.Process.Pid, stop: stop}, true
		}
	}
	b.Fatal(errors.Join(errors.New("Wasmtime names no address"), lines.Err()))
	return program{}, false
}
