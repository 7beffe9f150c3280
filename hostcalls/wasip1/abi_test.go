package wasip1

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/reactord/reactord/hostcalls"
)

// TestNumbers compares the last values of the enumerations with the specification, and so the values between.
func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want uint64
	}{
		{"errno 2big", uint64(errno2big), 1},
		{"errno badf", uint64(errnoBadf), 8},
		{"errno inval", uint64(errnoInval), 28},
		{"errno notsup", uint64(errnoNotsup), 58},
		{"errno notcapable", uint64(errnoNotcapable), 76},
		{"filetype symbolic_link", uint64(filetypeSymbolicLink), 7},
		{"fdflag sync", uint64(fdflagSync), 16},
		{"right fd_tell", uint64(rightFdTell), 1 << 5},
		{"right path_open", uint64(rightPathOpen), 1 << 13},
		{"right sock_accept", uint64(rightSockAccept), 1 << 29},
		{"clock thread_cputime_id", uint64(clockThreadCPU), 3},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %d, want %d", tt.name, tt.got, tt.want)
		}
	}
}

func TestLayouts(t *testing.T) {
	b := make([]byte, sizeFdstat)
	(&fdstat{filetype: filetypeSocketStream, flags: fdflagNonblock, base: 0x0102, inheriting: 0x0304}).put(b)
	if got, want := hex.EncodeToString(b), "06000400"+"00000000"+"0201000000000000"+"0403000000000000"; got != want {
		t.Errorf("fdstat is %s, want %s", got, want)
	}
	b = make([]byte, sizeFilestat)
	(&filestat{1, 2, filetypeRegularFile, 3, 4, 5, 6, 7}).put(b)
	want := "0100000000000000" + "0200000000000000" + "0400000000000000" + "0300000000000000" +
		"0400000000000000" + "0500000000000000" + "0600000000000000" + "0700000000000000"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("filestat is %s, want %s", got, want)
	}
}

func TestErrnoOf(t *testing.T) {
	_, notExist := os.Open("/does/not/exist")
	for _, tt := range []struct {
		err  error
		want errno
	}{
		{nil, errnoSuccess},
		{notExist, errnoNoent},
		{syscall.ECONNRESET, errnoConnreset},
		{os.NewSyscallError("connect", syscall.ECONNREFUSED), errnoConnrefused},
		{syscall.ENOTSUP, errnoNotsup},
		{syscall.Errno(0xffff), errnoIo},
		{hostcalls.ErrWouldBlock, errnoAgain},
		{hostcalls.ErrBrokenPipe, errnoPipe},
		{io.ErrClosedPipe, errnoPipe},
		{fs.ErrExist, errnoExist},
		{os.ErrDeadlineExceeded, errnoTimedout},
		{errors.New("something of the host's"), errnoIo},
	} {
		if got := errnoOf(tt.err); got != tt.want {
			t.Errorf("errnoOf(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}
