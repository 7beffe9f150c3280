package cli

import (
	"errors"
	"fmt"
	"net"
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
		{"dir", "grant a folder of the daemon's machine, HOST:GUEST[:ro] (repeatable)", parseDirectory},
		{"listen", "grant a listening TCP socket, HOST:PORT (repeatable)", parseListener},
		{"connect", "grant one open TCP connection, HOST:PORT (repeatable)", parseConnection},
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

func parseListener(text string) (*reactorv1.Grant, error) {
	if err := checkHostPort(text); err != nil {
		return nil, err
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: text}}}, nil
}

func parseConnection(text string) (*reactorv1.Grant, error) {
	if err := checkHostPort(text); err != nil {
		return nil, err
	}
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: text}}}, nil
}

func checkHostPort(text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return errors.New("give HOST:PORT")
	}
	return nil
}
