// Command serve is a guest that answers each connection to its listener, which it was granted as descriptor 3, with what
// it sends.
package main

import (
	"io"
	"log"
	"net"
	"os"
)

func main() {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(conn, conn) // the connection is the client's to keep
			_ = conn.Close()
		}()
	}
}
