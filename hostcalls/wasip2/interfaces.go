package wasip2

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// version is that of all interfaces.
const version = "0.2.12"

// Interfaces returns the interfaces, each after those whose types it uses. Their Calls are for stores whose Host has a State, by a
// method WASIP2.
func Interfaces() []component.Interface {
	return []component.Interface{
		ioError(), ioPoll(), ioStreams(),
		clocksMonotonicClock(), clocksWallClock(),
		randomRandom(), randomInsecure(), randomInsecureSeed(),
		cliEnvironment(), cliExit(), cliStdin(), cliStdout(), cliStderr(),
		cliTerminalInput(), cliTerminalOutput(), cliTerminalStdin(), cliTerminalStdout(), cliTerminalStderr(),
		filesystemTypes(), filesystemPreopens(),
		socketsNetwork(), socketsInstanceNetwork(), socketsIPNameLookup(),
		socketsTCP(), socketsTCPCreateSocket(), socketsUDP(), socketsUDPCreateSocket(),
		httpTypes(), httpOutgoingHandler(),
	}
}

// Needs names the capabilities whose functions a component imports.
func Needs(imports []abi.Import) []string {
	const tcp, udp = "wasi:sockets/tcp", "wasi:sockets/udp"
	return wasi.NeedsOf(imports, "0.2", []wasi.Need{
		{Name: "files", Functions: []abi.Import{{Module: "wasi:filesystem/preopens", Name: "get-directories"}}},
		{Name: "sockets", Functions: []abi.Import{{Module: tcp, Name: "[method]tcp-socket.start-listen"}, {Module: udp, Name: "[method]udp-socket.start-bind"}}},
		{Name: "dialling", Functions: []abi.Import{{Module: tcp, Name: "[method]tcp-socket.start-connect"}, {Module: udp, Name: "[method]udp-socket.stream"}}},
		{Name: "names", Functions: []abi.Import{{Module: "wasi:sockets/ip-name-lookup", Name: "resolve-addresses"}}},
		{Name: "requests", Functions: []abi.Import{{Module: "wasi:http/outgoing-handler", Name: "handle"}}},
	})
}

// call is one call of a function, and the host of the store that makes it.
type call struct {
	*component.Call
	*host
}

// function makes a function of an interface.
func function(name, typ string, body func(call)) component.Function {
	return component.Function{Name: name, Type: typ, Call: func(c *component.Call) { body(call{c, hostOf(c)}) }}
}

// hostOf returns the host of the store that makes a call.
func hostOf(c *component.Call) *host { return &c.Host().(hosted).WASIP2().host }

// resource makes a resource type. objects returns where its objects are.
func resource[T component.Dropper](name string, objects func(*host) *component.Objects[T]) component.Resource {
	return component.Resource{Name: name, Drop: func(c *component.Call, rep uint32) {
		all := objects(hostOf(c))
		bytes := bytesOf(all.Get(rep))
		all.Drop(c, rep)
		c.Store().Free(bytes)
	}}
}

// give makes a new object one of the component's, and counts it as memory of the component; what is returned is what to write as
// its handle.
func give[T component.Dropper](c call, objects *component.Objects[T], object T, parent component.Dropper) (rep uint32) {
	if !c.Store().Hold(bytesOf(object)) {
		object.Drop()
		c.Trap("there is no memory for another object of the host")
	}
	return objects.Add(c.Store(), object, parent)
}

// bytesOf returns what an object is counted as. Buffers of sockets are counted when there are any.
func bytesOf(object any) int64 {
	if _, ok := object.(*listing); ok {
		return wasi.ListingBytes
	}
	return wasi.ObjectBytes
}
