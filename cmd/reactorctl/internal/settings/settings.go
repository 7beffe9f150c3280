// Package settings reads and writes the CLI's configuration file, which has named contexts, each with the
// address of a daemon.
//
// The file is small, is read once per command, and is replaced atomically when it is written. Load blocks while the file
// does, which may be a pipe.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/reactorctl/internal/outfile"
)

// Settings is the configuration file.
type Settings struct {
	// CurrentContext names the context that is used if none is named.
	CurrentContext string `json:"currentContext,omitempty"`
	// Contexts are the known daemons by name.
	Contexts map[string]Context `json:"contexts,omitempty"`
}

// Context is one daemon.
type Context struct {
	// Address is HOST:PORT, unix:///PATH, or dns:///HOST:PORT for one of the daemons that a name leads to.
	Address string `json:"address"`
	// Access has the credentials for the daemon.
	Access `json:",inline"`
}

// Access has the credentials for a daemon, and how to verify the daemon. An empty field is not needed, or is
// looked up elsewhere.
type Access struct {
	// TokenFile is a file with the daemon's token.
	TokenFile string `json:"tokenFile,omitempty"`
	// TLSCA is a file with the authority of the daemon's certificate, instead of the system's ones.
	TLSCA string `json:"tlsCA,omitempty"`
	// TLSCert and TLSKey are files with the client's certificate and key.
	TLSCert string `json:"tlsCert,omitempty"`
	TLSKey  string `json:"tlsKey,omitempty"`
	// TLSServerName is the name in the daemon's certificate, if it is not the address's host.
	TLSServerName string `json:"tlsServerName,omitempty"`
	// InsecureNoTLS allows plain text to another machine.
	InsecureNoTLS bool `json:"insecureNoTLS,omitempty"`
}

// Or returns a with its empty fields filled in from b.
func (a Access) Or(b Access) Access {
	return Access{
		TokenFile:     cmp.Or(a.TokenFile, b.TokenFile),
		TLSCA:         cmp.Or(a.TLSCA, b.TLSCA),
		TLSCert:       cmp.Or(a.TLSCert, b.TLSCert),
		TLSKey:        cmp.Or(a.TLSKey, b.TLSKey),
		TLSServerName: cmp.Or(a.TLSServerName, b.TLSServerName),
		InsecureNoTLS: a.InsecureNoTLS || b.InsecureNoTLS,
	}
}

// Absolute returns a with absolute paths, since the file is read from any folder.
func (a Access) Absolute() (Access, error) {
	for _, path := range []*string{&a.TokenFile, &a.TLSCA, &a.TLSCert, &a.TLSKey} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return a, err
		}
		*path = absolute
	}
	return a, nil
}

// Path returns the path of the file: $REACTORCTL_CONFIG, or reactord/reactorctl.yaml in the user's
// configuration folder.
func Path() (string, error) {
	if p := os.Getenv("REACTORCTL_CONFIG"); p != "" {
		return p, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no configuration folder: %w; set REACTORCTL_CONFIG", err)
	}
	return filepath.Join(dir, "reactord", "reactorctl.yaml"), nil
}

// Load reads the file at path. A file that does not exist counts as empty.
func Load(path string) (Settings, error) {
	var s Settings
	text, err := smallfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Save replaces the file at path. If that is a link it stays one.
func (s Settings) Save(path string) error {
	text, err := yaml.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return outfile.Write(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Daemon picks the daemon: the address of the flag, else $REACTORD_ADDR, else the named context, else the current
// context. Without any of them it returns an empty context, which stands for the user's own daemon on this
// machine. A context that does not exist is an error.
func (s Settings) Daemon(flag, env, context string) (Context, error) {
	switch {
	case flag != "":
		return Context{Address: flag}, nil
	case context == "" && env != "":
		return Context{Address: env}, nil
	case context == "":
		context = s.CurrentContext
	}
	if context == "" {
		return Context{}, nil
	}
	c, ok := s.Contexts[context]
	if !ok {
		return Context{}, fmt.Errorf("there is no context %q: add it with `reactorctl context set %s ADDRESS`", context, context)
	}
	return c, nil
}
