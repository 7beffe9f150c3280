// Server speaks the protocol of PostgreSQL, as a stand-in for a database: it answers every question with its name and the
// number of connections that it has had.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("give HOST:PORT to listen at, and a name")
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	counted := &countingListener{Listener: listener}
	server, err := wire.NewServer(func(context.Context, wire.Query) (wire.PreparedStatements, error) {
		answer := func(_ context.Context, w wire.DataWriter, _ []wire.Parameter) error {
			if err := w.Row([]any{os.Args[2], counted.connections.Load()}); err != nil {
				return err
			}
			return w.Complete("SELECT 1")
		}
		return wire.Prepared(wire.NewStatement(answer, wire.WithColumns(wire.Columns{
			{Name: "server", Oid: pgtype.TextOID},
			{Name: "connections", Oid: pgtype.Int8OID},
		}))), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listens at", listener.Addr())
	log.Fatal(server.Serve(counted))
}

// countingListener counts the connections that it accepts.
type countingListener struct {
	net.Listener
	connections atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.connections.Add(1)
	}
	return c, err
}
