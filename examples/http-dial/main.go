// Http-dial fetches a page, as often as its second argument says, over connections that it opens by itself. Transport keeps
// a pool of them, and replaces one that the server has closed.
//
//	reactorctl run --dial localhost:8080 ./examples/http-dial http://localhost:8080/hello/Ada 3
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("give the URL, and how often to fetch it")
	}
	times := 1
	if len(os.Args) > 2 {
		var err error
		if times, err = strconv.Atoi(os.Args[2]); err != nil {
			log.Fatal(err)
		}
	}
	http.DefaultTransport = &http.Transport{DialContext: dialContext}
	for range times {
		if err := get(os.Args[1]); err != nil {
			log.Fatal(err)
		}
	}
}

func get(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
