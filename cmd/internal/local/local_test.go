package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSockets(t *testing.T) {
	own := t.TempDir()
	file := filepath.Join(own, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	runtime, state := filepath.Join(own, "reactord/reactord.sock"), "/home/ada/.local/state/reactord/reactord.sock"
	for _, tt := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"runtime folder first", map[string]string{"XDG_RUNTIME_DIR": own, "HOME": "/home/ada"}, []string{runtime, state}},
		{"no runtime folder", map[string]string{"HOME": "/home/ada"}, []string{state}},
		{"one that is not there", map[string]string{"XDG_RUNTIME_DIR": own + "/none", "HOME": "/home/ada"}, []string{state}},
		{"a file", map[string]string{"XDG_RUNTIME_DIR": file, "HOME": "/home/ada"}, []string{state}},
		{"relative", map[string]string{"XDG_RUNTIME_DIR": ".", "HOME": "/home/ada"}, []string{state}},
		{"no home", map[string]string{"XDG_RUNTIME_DIR": own}, []string{runtime}},
		{"state folder", map[string]string{"XDG_STATE_HOME": "/var/lib", "HOME": "/home/ada"}, []string{"/var/lib/reactord/reactord.sock"}},
		{"nothing", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Sockets(func(name string) string { return tt.env[name] })
			if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
				t.Errorf("%v, %s", err, diff)
			}
		})
	}
}

// A runtime folder of somebody else, which `su` leaves in the environment, is not used.
func TestForeignRuntimeDir(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"XDG_RUNTIME_DIR": dir, "HOME": "/root"}
	if got, err := Sockets(func(name string) string { return env[name] }); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v; want the state folder's alone", got, err)
	}
}

// A socket that another user has put where the daemon's would be is not called, and neither is one in
// another user's folder.
func TestCheckOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	const nobody = 65534
	for _, tt := range []struct {
		name         string
		folder, file int
		ok           bool
	}{
		{"own", 0, 0, true},
		{"another's socket", 0, nobody, false},
		{"in another's folder", nobody, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "reactord.sock")
			if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, tt.file, 0), os.Chown(folder, tt.folder, 0)); err != nil {
				t.Fatal(err)
			}
			if err := CheckOwner(file); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
