package stdio

import (
	"errors"
	"io"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
)

// A guest reads what was submitted, and then what a client sends, if one can; its log is not asked for
// as long as it writes nothing.
func TestStdin(t *testing.T) {
	log := func() *logbuf.Log {
		t.Error("the log is asked for though nothing is written")
		return nil
	}
	for _, tc := range []struct {
		name string
		port *terminal.Port
		then error
	}{
		{"alone", nil, io.EOF},
		{"with a port", terminal.NewPort(terminal.Mode{Input: true}), hostcalls.ErrWouldBlock},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := New([]byte("abc"), tc.port, log).Stdin
			ready := false
			in.Notify(func() { ready = true })()
			if n, _ := in.(hostcalls.Leveler).Level(); n != 3 || !ready {
				t.Errorf("level %d, ready %t, with three bytes submitted", n, ready)
			}
			b := make([]byte, 2)
			for _, want := range []string{"ab", "c"} {
				if n, err := in.Read(b); string(b[:n]) != want || err != nil {
					t.Errorf("Read = %q, %v, want %q", b[:n], err, want)
				}
			}
			if n, err := in.Read(b); n != 0 || !errors.Is(err, tc.then) {
				t.Errorf("then Read = %d, %v, want %v", n, err, tc.then)
			}
		})
	}
}
