// Http-get fetches a page over a granted connection: descriptor 3, or the first number after those of granted folders
// and listeners. Its argument is the URL; the connection is already open, so the host's name need not be looked up.
//
//	reactorctl run --connect 127.0.0.1:8080 ./examples/http-get http://127.0.0.1:8080/hello/Ada
package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("give the URL as the only argument")
	}
	_ = syscall.SetNonblock(3, true) // a granted connection blocks, and a blocking read stops all goroutines
	granted, err := net.FileConn(os.NewFile(3, "connection"))
	if err != nil {
		log.Fatalf("descriptor 3 is no connection (%v): grant one with --connect HOST:PORT", err)
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return granted, nil },
	}}
	response, err := client.Get(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		log.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		log.Fatal(response.Status)
	}
}
