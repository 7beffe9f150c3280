// Http is a web server on a granted listener: descriptor 3, or the first number after those of granted folders.
//
//	reactorctl run --listen 127.0.0.1:8080 ./examples/http
//	curl http://127.0.0.1:8080/hello/Ada
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatalf("descriptor 3 is no listener (%v): grant one with --listen HOST:PORT", err)
	}
	http.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
	})
	http.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		select { // other requests are served meanwhile
		case <-time.After(time.Second):
			fmt.Fprintln(w, "that took a second")
		case <-r.Context().Done():
		}
	})
	log.Println("serving")
	log.Fatal(http.Serve(listener, nil))
}
