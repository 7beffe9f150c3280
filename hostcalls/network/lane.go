package network

import (
	"hash/maphash"
	"strings"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// laneSeed keeps guests from choosing a name that shares the lane of another.
var laneSeed = maphash.MakeSeed()

// laneOf returns the lane of a tenant's jobs of a kind that wait for the same others: the machine at the other end of a
// handshake, or the name servers of a domain. Those that do not answer hold up only their own lane. Tenants have lanes of
// their own, since one could have names looked up that do not end, below the same domain as another's.
func laneOf(kind hostcalls.OpKind, tenant, others string) driver.Lane {
	return driver.Lane{Kind: kind.String(), ID: maphash.Comparable(laneSeed, [2]string{tenant, others})}
}

// domainOf returns the last two labels of a name: names below the same two most often have the same name servers.
func domainOf(name string) string {
	last := strings.LastIndexByte(name, '.')
	if last < 0 {
		return name
	}
	return name[strings.LastIndexByte(name[:last], '.')+1:]
}
