package network

import (
	"hash/maphash"
	"strings"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// laneSeed keeps guests from choosing a name that shares the lane of another.
var laneSeed = maphash.MakeSeed()

// laneOf returns the lane of the jobs of a kind that wait for the same others: the machine at the other end of a
// handshake, or the name servers of a domain. Those that do not answer hold up only their own lane.
func laneOf(kind hostcalls.OpKind, others string) driver.Lane {
	return driver.Lane{Kind: kind.String(), ID: maphash.String(laneSeed, others)}
}

// domainOf returns the last two labels of a name: names below the same two most often have the same name servers.
func domainOf(name string) string {
	last := strings.LastIndexByte(name, '.')
	if last < 0 {
		return name
	}
	return name[strings.LastIndexByte(name[:last], '.')+1:]
}
