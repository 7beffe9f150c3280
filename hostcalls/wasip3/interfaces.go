package wasip3

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// version is that of all interfaces.
const version = "0.3.2"

// Interfaces returns the interfaces, each after those whose types it uses. Their Calls are for stores whose Host has a State, by a
// method WASIP3.
func Interfaces() []component.Interface {
	return []component.Interface{
		clocksTypes(), clocksMonotonicClock(), clocksSystemClock(),
		randomRandom(), randomInsecure(), randomInsecureSeed(),
		cliEnvironment(), cliExit(), cliTypes(), cliStdin(), cliStdout(), cliStderr(),
		terminal("terminal-input"), terminal("terminal-output"),
		noTerminal("terminal-stdin", "terminal-input"), noTerminal("terminal-stdout", "terminal-output"), noTerminal("terminal-stderr", "terminal-output"),
		filesystemTypes(), filesystemPreopens(),
		socketsTypes(), socketsIPNameLookup(),
		httpTypes(), httpClient(),
	}
}

// Needs names the capabilities whose functions a component imports.
func Needs(imports []abi.Import) []string {
	const sockets = "wasi:sockets/types"
	return wasi.NeedsOf(imports, "0.3", []wasi.Need{
		{Name: "files", Functions: []abi.Import{{Module: "wasi:filesystem/preopens", Name: "get-directories"}}},
		{Name: "sockets", Functions: []abi.Import{{Module: sockets, Name: "[method]tcp-socket.listen"}, {Module: sockets, Name: "[method]udp-socket.bind"}}},
		{Name: "dialling", Functions: []abi.Import{
			{Module: sockets, Name: "[method]tcp-socket.connect"}, {Module: sockets, Name: "[method]udp-socket.connect"},
			{Module: sockets, Name: "[method]udp-socket.send"},
		}},
		{Name: "names", Functions: []abi.Import{{Module: "wasi:sockets/ip-name-lookup", Name: "resolve-addresses"}}},
		{Name: "requests", Functions: []abi.Import{{Module: "wasi:http/client", Name: "send"}}},
	})
}

// State is what a store has of WASI 0.3 alone.
type State struct{ host }

// Init initializes the zero State of a store, whose requests a sender sends.
func (s *State) Init(h *wasi.Host, store *component.Store, sender wasihttp.Sender) {
	s.Host, s.store, s.sender = h, store, sender
}

// hosted is the component.Host of a store that has a State.
type hosted interface{ WASIP3() *State }

// host is what the component of a store has of WASI.
type host struct {
	*wasi.Host
	store       *component.Store
	sender      wasihttp.Sender
	descriptors component.Objects[*wasi.Descriptor]
	tcpSockets  component.Objects[*tcpSocket]
	udpSockets  component.Objects[*udpSocket]
	fields      component.Objects[*fields]
	requests    component.Objects[*request]
	options     component.Objects[*requestOptions]
	responses   component.Objects[*response]
}

// call is one call of a function, and the host of the store that makes it.
type call struct {
	*component.Call
	*host
}

// hostOf returns the host of the store that makes a call.
func hostOf(c *component.Call) *host { return &c.Host().(hosted).WASIP3().host }

// hold counts bytes for something as memory of the component, or traps.
func (c call) hold(bytes int64, something string) {
	if !c.store.Hold(bytes) {
		c.Trap("there is no memory for %s", something)
	}
}

// function makes a function of an interface.
func function(name, typ string, body func(call)) component.Function {
	return component.Function{Name: name, Type: typ, Call: func(c *component.Call) { body(call{c, hostOf(c)}) }}
}

// later makes an asynchronous function that needs no fiber of its own.
func later(name, typ string, body func(call)) component.Function {
	f := function(name, typ, body)
	f.Later = true
	return f
}

// resource makes a resource type. objects returns where its objects are.
func resource[T component.Dropper](name string, objects func(*host) *component.Objects[T]) component.Resource {
	return component.Resource{Name: name, Drop: func(c *component.Call, rep uint32) {
		objects(hostOf(c)).Drop(c, rep)
		c.Store().Free(wasi.ObjectBytes)
	}}
}

// give makes a new object one of the component's, and counts it as memory of the component; what is returned is what to write as
// its handle.
func give[T component.Dropper](c call, objects *component.Objects[T], object T) (rep uint32) {
	if !c.Store().Hold(wasi.ObjectBytes) {
		object.Drop()
		c.Trap("there is no memory for another object of the host")
	}
	return objects.Add(c.Store(), object, nil)
}
