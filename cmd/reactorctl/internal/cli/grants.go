package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// grantKind is a kind of grant with its flag on submit and run, which is repeatable.
type grantKind struct {
	flag  string
	usage string
	parse func(text string) (*reactorv1.Grant, error)
}

// grantKinds returns all kinds, in the order in which a spec lists its grants.
func grantKinds() []grantKind {
	return []grantKind{
		{"dir", "grant a folder of the daemon's machine, `HOST:GUEST`[:ro] (repeatable)", parseDirectory},
		{"listen", "grant a listening socket, [NAME=][udp:]`HOST:PORT`, or [NAME=]workload for the connections of other workloads (repeatable)", parseListener},
		{"connect", "grant one open connection, [NAME=]`HOST:PORT`, or [NAME=]workload:ID[/LISTENER] to another workload; after HOST:PORT \",tls\", or \",accept\" for one that comes; tls may be followed by \",server-name=NAME\", \",ca=REF\", \",cert=REF,key=REF\", \",alpn=A:B\" (repeatable)", parseConnection},
		{"dial", "let the guest connect to [udp:]`HOST:PORT`: an address, a range, a name or *.NAME; a port, a range or * (repeatable)", parseDial},
		{"resolve", "let the guest look up a `NAME`, those that match *.NAME, or all, * (repeatable)", parseResolve},
		{"http", "let the guest send HTTP requests to an `ORIGIN`, SCHEME://HOST[:PORT], or below its [/PREFIX]; METHOD[,METHOD] and a space before it allow only those (repeatable)", parseHTTP},
		{"secret", "give the guest a secret of the daemon as a variable, `NAME=REF`; REF is file:/PATH or env:NAME, there (repeatable)", parseSecret},
		{"link", "give a component an `INTERFACE` that it imports from another workload, INTERFACE=workload:ID, which serves with --offer; or a function that it imports by itself (repeatable)", parseLink},
	}
}

// grantFlags holds the values given for each of grantKinds.
type grantFlags [][]string

func (g *grantFlags) add(f *pflag.FlagSet) {
	kinds := grantKinds()
	*g = make(grantFlags, len(kinds))
	for i, kind := range kinds {
		f.StringArrayVar(&(*g)[i], kind.flag, nil, kind.usage)
	}
}

func (g grantFlags) grants() ([]*reactorv1.Grant, error) {
	var grants []*reactorv1.Grant
	var faults []error
	for i, kind := range grantKinds() {
		for _, text := range g[i] {
			grant, err := kind.parse(text)
			if err != nil {
				faults = append(faults, fmt.Errorf("--%s %q: %w", kind.flag, text, err))
			}
			grants = append(grants, grant)
		}
	}
	return grants, errors.Join(faults...)
}

// grantArgument returns the argument that gave the grant with an index in the spec; nothing if that is not known, as in a
// chain, which has several specs.
func grantArgument(f *pflag.FlagSet, i int) string {
	if f.Changed("pipe-to") {
		return ""
	}
	for _, kind := range grantKinds() {
		flag := f.Lookup(kind.flag)
		if flag == nil {
			return ""
		}
		given, ok := flag.Value.(pflag.SliceValue)
		if !ok {
			return ""
		}
		values := given.GetSlice()
		if i < len(values) {
			return values[i]
		}
		i -= len(values)
	}
	return ""
}

// parseDirectory parses HOST:GUEST[:ro]. A relative HOST is relative to the current folder, and one that begins with
// "~/" to the user's home: shells do not see that in the middle of an argument.
func parseDirectory(text string) (*reactorv1.Grant, error) {
	rest, readOnly := strings.CutSuffix(text, ":ro")
	host, guest, ok := strings.Cut(rest, ":")
	if !ok || host == "" || guest == "" || strings.Contains(guest, ":") {
		return nil, errors.New("give HOST:GUEST or HOST:GUEST:ro")
	}
	if host == "~" || strings.HasPrefix(host, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		host = home + host[1:]
	}
	abs, err := filepath.Abs(host)
	if err != nil {
		return nil, err
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Directory{
		Directory: &reactorv1.DirectoryGrant{HostPath: abs, GuestPath: guest, ReadOnly: readOnly},
	}}, nil
}

// splitName splits NAME=REST; the name may be missing.
func splitName(text string) (name, rest string) {
	if name, rest, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, ":,") {
		return name, rest
	}
	return "", text
}

// splitProtocol splits udp:HOST:PORT; the protocol may be missing. A host may be called udp, too.
func splitProtocol(text string) (reactorv1.TransportProtocol, string) {
	if rest, ok := strings.CutPrefix(text, "udp:"); ok && strings.Contains(rest, ":") {
		return reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP, rest
	}
	return reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UNSPECIFIED, text
}

// forWorkloads is the address of a listener for other workloads, and begins the address of a connection to one.
const forWorkloads = "workload"

func parseListener(text string) (*reactorv1.Grant, error) {
	name, rest := splitName(text)
	protocol, address := splitProtocol(rest)
	if address != forWorkloads {
		if err := checkHostPort(address, "[NAME=][udp:]HOST:PORT or [NAME=]workload"); err != nil {
			return nil, err
		}
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{
		Listener: &reactorv1.ListenerGrant{Address: address, Name: name, Protocol: protocol},
	}}, nil
}

// parseConnection parses an address, and then options that are separated by commas.
func parseConnection(text string) (*reactorv1.Grant, error) {
	address, options, _ := strings.Cut(text, ",")
	c := &reactorv1.ConnectionGrant{}
	c.Name, c.Address = splitName(address)
	if !strings.HasPrefix(c.Address, forWorkloads+":") {
		if err := checkHostPort(c.Address, "[NAME=]HOST:PORT or [NAME=]workload:ID, and what follows after a comma"); err != nil {
			return nil, err
		}
	}
	if options != "" {
		for option := range strings.SplitSeq(options, ",") {
			if err := setOption(c, option); err != nil {
				return nil, err
			}
		}
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: c}}, nil
}

// setOption sets an option of a connection, NAME or NAME=VALUE.
func setOption(c *reactorv1.ConnectionGrant, option string) error {
	name, value, valued := strings.Cut(option, "=")
	switch {
	case name == "accept" && !valued:
		c.Accept = true
		return nil
	case name == "tls" && !valued:
		c.Tls = &reactorv1.TlsOptions{}
		return nil
	}
	fields := map[string]func(*reactorv1.TlsOptions){
		"server-name": func(t *reactorv1.TlsOptions) { t.ServerName = value },
		"ca":          func(t *reactorv1.TlsOptions) { t.Ca = value },
		"cert":        func(t *reactorv1.TlsOptions) { t.Certificate = value },
		"key":         func(t *reactorv1.TlsOptions) { t.Key = value },
		"alpn":        func(t *reactorv1.TlsOptions) { t.Alpn = strings.Split(value, ":") },
	}
	set := fields[name]
	switch {
	case set == nil:
		return fmt.Errorf("%q is not one of accept, tls, server-name=, ca=, cert=, key=, alpn=", option)
	case value == "":
		return fmt.Errorf("%q has no value", option)
	case c.Tls == nil:
		return fmt.Errorf("%q is an option of tls: give tls before it", name)
	}
	set(c.Tls)
	return nil
}

func parseDial(text string) (*reactorv1.Grant, error) {
	protocol, pattern := splitProtocol(text)
	if err := checkHostPort(pattern, "[udp:]HOST:PORT"); err != nil {
		return nil, err
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: pattern, Protocol: protocol}}}, nil
}

func parseResolve(text string) (*reactorv1.Grant, error) {
	if text == "" {
		return nil, errors.New("give a name, *.NAME or *")
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Resolve{Resolve: &reactorv1.ResolveGrant{Pattern: text}}}, nil
}

// parseHTTP parses [METHODS ]ORIGIN[/PREFIX].
func parseHTTP(text string) (*reactorv1.Grant, error) {
	h := &reactorv1.HttpGrant{Origin: text}
	if methods, target, ok := strings.Cut(text, " "); ok {
		h.Methods, h.Origin = strings.Split(methods, ","), target
	}
	scheme, rest, ok := strings.Cut(h.Origin, "://")
	if !ok {
		return nil, errors.New("give SCHEME://HOST[:PORT][/PREFIX], after METHOD[,METHOD] and a space if not all are to be allowed")
	}
	if host, prefix, ok := strings.Cut(rest, "/"); ok && prefix != "" && !strings.HasPrefix(host, "[") {
		h.Origin, h.PathPrefix = scheme+"://"+host, "/"+prefix
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Http{Http: h}}, nil
}

func parseSecret(text string) (*reactorv1.Grant, error) {
	name, ref, ok := strings.Cut(text, "=")
	if !ok || name == "" || ref == "" {
		return nil, errors.New("give NAME=file:/PATH or NAME=env:NAME")
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Secret{Secret: &reactorv1.SecretGrant{Name: name, Ref: ref}}}, nil
}

func parseLink(text string) (*reactorv1.Grant, error) {
	name, workload, ok := strings.Cut(text, "="+forWorkloads+":")
	if !ok || name == "" || workload == "" {
		return nil, errors.New("give INTERFACE=workload:ID, such as ns:pkg/iface=workload:shop")
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Link{Link: &reactorv1.LinkGrant{Interface: name, Workload: workload}}}, nil
}

// checkHostPort returns an error that says what to give if text is not HOST:PORT.
func checkHostPort(text, form string) error {
	if strings.Contains(text, "//") {
		return fmt.Errorf("give %s, without //", form)
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		if _, err := netip.ParseAddr(text); err == nil && strings.Contains(text, ":") { // the last group may be the port
			return fmt.Errorf("give %s, with an IPv6 address in brackets, such as [::1]:80", form)
		}
		return fmt.Errorf("give %s", form)
	}
	return nil
}
