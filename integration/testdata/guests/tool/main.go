// Command tool is the guest of the integration tests: it does what its first argument says.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	verbs := map[string]func([]string) error{
		"hello":  hello,
		"ticks":  ticks,
		"cat":    func([]string) error { _, err := io.Copy(os.Stdout, os.Stdin); return err },
		"upper":  upper,
		"await":  await,
		"exit":   exit,
		"flood":  flood,
		"sleep":  sleep,
		"write":  write,
		"lines":  lines,
		"yes":    yes,
		"digest": digest,
		"talk":   talk,
		"held":   held,
		"panic":  func(args []string) error { panic(strings.Join(args, " ")) },
	}
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "tool: what?")
		os.Exit(64)
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

// hello prints its arguments and environment, and something to stderr.
func hello(args []string) error {
	env := os.Environ()
	slices.Sort(env)
	fmt.Printf("args %q\nenv %q\n", args, env)
	fmt.Fprintln(os.Stderr, "done")
	return nil
}

// digest prints the SHA-256 digest of a variable.
func digest(args []string) error {
	fmt.Printf("%x\n", sha256.Sum256([]byte(os.Getenv(args[0]))))
	return nil
}

// talk says a line over the connection with a name, and prints the line that it hears.
func talk(args []string) error {
	first, err := strconv.Atoi(os.Getenv("LISTEN_FDS_START"))
	if err != nil {
		return err
	}
	at := slices.Index(strings.Split(os.Getenv("LISTEN_FDNAMES"), ":"), args[0])
	if at < 0 {
		return fmt.Errorf("no connection is called %s", args[0])
	}
	conn := os.NewFile(uintptr(first+at), args[0])
	if _, err := fmt.Fprintln(conn, args[1]); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(line)
	return err
}

// upper answers each line in capitals, as soon as it has come.
func upper([]string) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(strings.ToUpper(lines.Text()))
	}
	fmt.Println("bye")
	return lines.Err()
}

// await does as upper, and says goodbye only when a file is there.
func await(args []string) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(strings.ToUpper(lines.Text()))
	}
	for {
		if _, err := os.Stat(args[0]); err == nil {
			fmt.Println("bye")
			return lines.Err()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// flood waits for a line, and answers with as many MiB as it is told.
func flood(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	for range count {
		if _, err := os.Stdout.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return nil
}

// ticks prints as many numbered lines as it is told, with a pause before each, and exits with a code.
func ticks(args []string) error {
	var numbers [2]int
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	for i := range numbers[0] {
		time.Sleep(20 * time.Millisecond)
		fmt.Println("tick", i)
	}
	os.Exit(numbers[1])
	return nil
}

func exit(args []string) error {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	os.Exit(code)
	return nil
}

// sleep prints a line, sleeps, and prints another.
func sleep(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	fmt.Println("going to sleep")
	time.Sleep(d)
	fmt.Println("awake")
	return nil
}

// lines prints as many numbered lines as it is told, and, if it is told more, sleeps then.
func lines(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for i := range count {
		fmt.Fprintf(out, "line %d of the output, which is as long as lines are\n", i)
	}
	err = out.Flush()
	if len(args) > 1 {
		time.Sleep(time.Hour)
	}
	return err
}

// yes prints for ever, and does not look whether that succeeds.
func yes([]string) error {
	for {
		fmt.Println("yes")
	}
}

// write makes a file and reads it back.
func write(args []string) error {
	if err := os.WriteFile(args[0], []byte(args[1]), 0o644); err != nil {
		return err
	}
	text, err := os.ReadFile(args[0])
	fmt.Printf("%s\n", text)
	return err
}
