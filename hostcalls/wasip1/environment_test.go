package wasip1

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// TestSocketsByName: a guest finds its sockets in its environment.
func TestSocketsByName(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	web := socketGrant(func(o capability.Opener) error {
		return o.Listen(capability.Listener{Name: "web", Address: "127.0.0.1:0"})
	})
	db := socketGrant(func(o capability.Opener) error {
		return o.Connect(capability.Connection{Name: "db", Address: l.Addr().String()})
	})
	folder := folderGrant{HostPath: t.TempDir(), GuestPath: "/"}
	for _, tt := range []struct {
		name      string
		env       []string
		grants    []capability.Grant
		want      []string
		wantFirst uint64 // descriptor that is a socket; 0: none
	}{
		{"none", []string{"A=b"}, nil, []string{"A=b"}, 0},
		{"a folder", nil, []capability.Grant{folder}, nil, 0},
		{"one", []string{"A=b"}, []capability.Grant{web}, []string{"A=b", "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "LISTEN_FDS_START=3"}, 3},
		{"two and a folder", nil, []capability.Grant{db, folder, web}, []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=db:web", "LISTEN_FDS_START=4"}, 4},
		{"its own", []string{"LISTEN_FDS=7"}, []capability.Grant{web}, []string{"LISTEN_FDS=7", "LISTEN_FDNAMES=web", "LISTEN_FDS_START=3"}, 3},
	} {
		given := slices.Clone(tt.env)
		withProcess(t, abi.Config{Env: tt.env, Grants: tt.grants}, func(c *caller) {
			if got := c.environment(); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
			if tt.wantFirst != 0 {
				c.want(errnoSuccess, "fd_fdstat_get", tt.wantFirst, 0)
				if kind := filetype(c.mem.bytes[0]); kind != filetypeSocketStream {
					t.Errorf("%s: descriptor %d is of type %d", tt.name, tt.wantFirst, kind)
				}
			}
		})
		if !slices.Equal(given, tt.env) {
			t.Errorf("%s: the caller's list is %q now", tt.name, tt.env)
		}
	}
}

// socketGrant is a grant of a socket.
type socketGrant func(capability.Opener) error

func (socketGrant) String() string                   { return "socket" }
func (socketGrant) Handle() capability.Handle        { return capability.SocketHandle }
func (g socketGrant) Open(o capability.Opener) error { return g(o) }

// environment returns the guest's environment.
func (c *caller) environment() (list []string) {
	c.want(errnoSuccess, "environ_sizes_get", 0, 4)
	n, size := c.u32(0), c.u32(4)
	c.want(errnoSuccess, "environ_get", 16, 1024)
	for v := range bytes.SplitSeq(c.mem.bytes[1024:1024+size], []byte{0}) {
		list = append(list, string(v))
	}
	if list = list[:len(list)-1]; len(list) != int(n) {
		c.t.Errorf("%d variables, and there are %d", n, len(list))
	}
	return list
}

// secretKeeper is a permit that has secrets.
type secretKeeper map[capability.Reference]string

func (secretKeeper) Dir(path string) (string, error)      { return path, nil }
func (secretKeeper) Listen(netip.AddrPort) error          { return nil }
func (secretKeeper) Connect(string, netip.AddrPort) error { return nil }
func (k secretKeeper) Secret(r capability.Reference) ([]byte, error) {
	if value, ok := k[r]; ok {
		return []byte(value), nil
	}
	return nil, errors.New("there is none")
}

func TestSecrets(t *testing.T) {
	keeper := secretKeeper{"file:/a": "a secret", "env:B": "", "file:/zero": "a\x00b", "file:/binary": "\xff"}
	give := func(name string, ref capability.Reference) capability.Grant {
		return socketGrant(func(o capability.Opener) error { return o.SetEnv(name, ref) })
	}
	config := abi.Config{Env: []string{"C=d"}, Permit: keeper, Grants: []capability.Grant{give("A", "file:/a"), give("B", "env:B")}}
	withProcess(t, config, func(c *caller) {
		if got, want := c.environment(), []string{"C=d", "A=a secret", "B="}; !slices.Equal(got, want) {
			t.Errorf("the environment is %q, want %q", got, want)
		}
	})
	for _, tt := range []struct {
		ref  capability.Reference
		text string
	}{
		{"file:/none", "there is none"},
		{"file:/zero", "it is no text"},
		{"file:/binary", "it is no text"},
	} {
		config.Grants = []capability.Grant{give("A", tt.ref)}
		wait, _ := startProcess(t, config, func(*caller) { t.Errorf("%s was given", tt.ref) })
		if err := wait(); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.ref, err)
		}
	}
}
