//go:build wasip1

// Fetch is a web server that fetches, and serves what it fetched: package net/http at both ends, over sockets of preview 1. In this
// folder:
//
//	reactorctl run --listen 127.0.0.1:8080 --dial 127.0.0.1:9000 ./
//	curl 'http://127.0.0.1:8080/ten?http://127.0.0.1:9000'
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	_ "github.com/stealthrocket/net/http" // http.Get dials by it
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatalf("descriptor 3 is no listener (%v): grant one with --listen HOST:PORT", err)
	}
	http.HandleFunc("GET /ten", ten)
	http.HandleFunc("GET /stream", stream)
	log.Fatal(http.Serve(listener, nil))
}

// ten fetches BASE/1 to BASE/10 at once, and responds with their bodies in order.
func ten(w http.ResponseWriter, r *http.Request) {
	var bodies [10][]byte
	var errs [10]error
	var fetches sync.WaitGroup
	for i := range bodies {
		fetches.Go(func() { bodies[i], errs[i] = fetch(fmt.Sprintf("%s/%d", r.URL.RawQuery, i+1)) })
	}
	fetches.Wait()
	for i, body := range bodies {
		if errs[i] != nil {
			http.Error(w, errs[i].Error(), http.StatusBadGateway)
			return
		}
		w.Write(body)
	}
}

func fetch(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// stream passes a response on: its body comes as it arrives.
func stream(w http.ResponseWriter, r *http.Request) {
	response, err := http.Get(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	io.Copy(flushing{w}, response.Body)
}

// flushing sends at once what is written to it.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	f.ResponseWriter.(http.Flusher).Flush()
	return n, err
}
