// Does with files what programs do. Every language's program here prints the same.
// It has /data to work in and /fixed to read only.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func show(label, path string) {
	b, err := os.ReadFile(path)
	must(err)
	fmt.Println(label, string(b))
}

func list(path string) {
	entries, err := os.ReadDir(path)
	must(err)
	names := []string{"list"}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	fmt.Println(strings.Join(names, " "))
}

func refused(label string, err error) {
	if err != nil {
		fmt.Println(label, "refused")
	} else {
		fmt.Println(label, "ALLOWED")
	}
}

func open(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0o666)
	if err == nil {
		f.Close()
	}
	return err
}

func main() {
	must(os.Mkdir("/data/sub", 0o777))
	f, err := os.OpenFile("/data/first.txt", os.O_RDWR|os.O_CREATE, 0o666)
	must(err)
	_, err = f.WriteString("hello world")
	must(err)
	_, err = f.Seek(6, io.SeekStart)
	must(err)
	tail, err := io.ReadAll(f)
	must(err)
	fmt.Println("tail", string(tail))
	must(f.Close())

	f, err = os.OpenFile("/data/first.txt", os.O_WRONLY|os.O_APPEND, 0)
	must(err)
	_, err = f.WriteString("!")
	must(err)
	must(f.Close())
	show("appended", "/data/first.txt")

	must(os.Rename("/data/first.txt", "/data/sub/second.txt"))
	must(os.Symlink("sub/second.txt", "/data/link"))
	target, err := os.Readlink("/data/link")
	must(err)
	fmt.Println("link", target)
	show("through", "/data/link")

	must(os.Truncate("/data/sub/second.txt", 5))
	show("truncated", "/data/sub/second.txt")
	must(os.Chtimes("/data/sub/second.txt", time.Unix(1_000_000_000, 0), time.Unix(1_000_000_001, 0)))
	info, err := os.Stat("/data/sub/second.txt")
	must(err)
	fmt.Println("stat", info.Size(), info.ModTime().Unix())
	list("/data")

	show("fixed", "/fixed/file")
	refused("write", open("/fixed/file", os.O_WRONLY))
	refused("create", open("/fixed/new", os.O_WRONLY|os.O_CREATE))
	refused("unlink", os.Remove("/fixed/file"))
	refused("outside", open("/data/../outside/secret", os.O_RDONLY))
	refused("escape", open("/data/escape", os.O_RDONLY))

	must(os.Remove("/data/link"))
	refused("rmdir", os.Remove("/data/sub"))
	must(os.Remove("/data/sub/second.txt"))
	must(os.Remove("/data/sub"))
	list("/data")
}
