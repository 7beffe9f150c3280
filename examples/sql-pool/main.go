//go:build wasip1

// Sql-pool asks a database the same question again and again, over a pool of connections that it opens by itself: package
// database/sql and the driver lib/pq as they are, with the dialler of stealthrocket/net. When the server goes away, so do
// the pool's connections; it opens new ones once the server is back. In this folder:
//
//	go run ./server 127.0.0.1:5432 one
//	reactorctl run --dial 127.0.0.1:5432 ./ 127.0.0.1:5432 100
//
// For a name instead of an address build it with GOFLAGS=-tags=getaddrinfo: then the dialler asks the daemon.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lib/pq"
	"github.com/stealthrocket/net/wasip1"
)

const (
	workers  = 4
	pause    = 100 * time.Millisecond // between questions
	patience = 5 * time.Second
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("give HOST:PORT of the database, and how many answers to get")
	}
	answers, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	db, err := open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { work(db, answers/workers) })
	}
	all.Wait()
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
}

// open makes a pool of connections to a database.
func open(address string) (*sql.DB, error) {
	source := url.URL{Scheme: "postgres", User: url.User("guest"), Host: address, RawQuery: "sslmode=disable&connect_timeout=5"}
	connector, err := pq.NewConnector(source.String())
	if err != nil {
		return nil, err
	}
	connector.Dialer(&wasip1.Dialer{})
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(workers)
	db.SetMaxIdleConns(workers)
	return db, nil
}

// work gets a number of answers. A server that is away is asked again.
func work(db *sql.DB, answers int) {
	for answers > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		var server string
		var connections int
		err := db.QueryRowContext(ctx, "SELECT server, connections FROM status").Scan(&server, &connections)
		cancel()
		switch {
		case err == nil:
			fmt.Printf("%s has had %d connections\n", server, connections)
			answers--
		case errors.Is(err, syscall.EACCES):
			log.Fatalf("%v: the workload needs --dial %s", err, os.Args[1])
		default:
			fmt.Println("the database is away:", err)
		}
		time.Sleep(pause)
	}
}
