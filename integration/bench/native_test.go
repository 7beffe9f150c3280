package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// nativeVariable makes the test binary the native counterpart of a guest: its value is the program's name and arguments.
const nativeVariable = "REACTORD_BENCH_NATIVE"

// program is a running native program.
type program struct {
	said string // its first line
	pid  int
	stop func() // kills it
}

// startNative starts a native program in a process of its own, and waits until it says something. It is killed at the
// benchmark's end, or by stop.
func startNative(b *testing.B, args ...string) program {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), nativeVariable+"="+strings.Join(args, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
	})
	b.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("%v says nothing: %v", args, err)
	}
	return program{said: strings.TrimSpace(line), pid: cmd.Process.Pid, stop: stop}
}

// runNative is the main function of the native programs.
func runNative(command string) int {
	args := strings.Fields(command)
	programs := map[string]func(args []string) error{
		"echo": nativeEcho, "mux": nativeMux, "http": nativeHTTP, "client": nativeClient,
		"pump": nativePump, "copy": nativeCopy, "plain": plainHTTP, "sleep": nativeSleep, "drive": nativeDrive,
	}
	if err := programs[args[0]](args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, command+":", err)
		return 1
	}
	return 0
}

// nativeEcho makes N connections to ADDRESS and sends back what comes on them, a goroutine each.
func nativeEcho(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range n {
		c, err := net.Dial("tcp", args[0])
		if err != nil {
			return err
		}
		wg.Go(func() { echoAll(c) })
	}
	fmt.Println("connected")
	wg.Wait()
	return nil
}

func echoAll(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// nativeMux accepts connections and sends back what comes on them, a goroutine each.
func nativeMux([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go echoAll(c)
	}
}

// nativeSleep sleeps for 5 ms at a time in ten threads of its own, for 6 s, and writes to FILE how many nanoseconds late it is woken,
// at p50 and p99.
func nativeSleep(args []string) error {
	const threads, times, period = 10, 1200, 5 * time.Millisecond
	fmt.Println("sleeping")
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		late []time.Duration
	)
	for range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			var mine []time.Duration
			for range times {
				began := time.Now()
				spec := unix.NsecToTimespec(int64(period))
				_ = unix.Nanosleep(&spec, nil) // a signal may have cut it short
				mine = append(mine, time.Since(began)-period)
			}
			mu.Lock()
			defer mu.Unlock()
			late = append(late, mine...)
		})
	}
	wg.Wait()
	slices.Sort(late)
	text := fmt.Sprintln(testkit.Quantile(late, 0.5).Nanoseconds(), testkit.Quantile(late, 0.99).Nanoseconds())
	return os.WriteFile(args[0], []byte(text), 0o600)
}

// nativeHTTP is what examples/http is.
func nativeHTTP([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	http.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
	})
	return http.Serve(l, nil)
}

// nativeClient is CLIENTS times what testdata/network/client.c is: ADDRESS CLIENTS REQUESTS ANSWER_BYTES.
func nativeClient(args []string) error {
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(args[1+i])
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	fmt.Println("started")
	failed := make(chan error)
	for range numbers[0] {
		go func() { failed <- requestForEver(args[0], numbers[1], numbers[2]) }()
	}
	return <-failed
}

func requestForEver(address string, requests, answer int) error {
	buf := make([]byte, 4096)
	for {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		for range requests {
			if _, err := c.Write([]byte(clientRequest)); err != nil {
				return err
			}
			for got := 0; got < answer; {
				n, err := c.Read(buf)
				if err != nil {
					return err
				}
				got += n
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
}

// nativePump copies from one ADDRESS to another, as io.Copy does.
func nativePump(args []string) error {
	return pump(args, func(to, from net.Conn) { _, _ = io.Copy(to, from) }) // it ends when the benchmark closes them
}

// nativeCopy is nativePump through the program's own memory, 64 KiB at a time, as guests do it.
func nativeCopy(args []string) error {
	return pump(args, func(to, from net.Conn) {
		// Without the connections' other methods io.CopyBuffer does not use splice(2).
		_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64<<10))
	})
}

func pump(args []string, copyAll func(to, from net.Conn)) error {
	from, err := net.Dial("tcp", args[0])
	if err != nil {
		return err
	}
	to, err := net.Dial("tcp", args[1])
	if err != nil {
		return err
	}
	fmt.Println("connected")
	copyAll(to, from)
	return nil
}
