package retry

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestTroubles(t *testing.T) {
	for _, tc := range []struct {
		err           error
		file, network Trouble
	}{
		{nil, None, None},
		{errors.New("whatever"), None, None},
		{fs.ErrNotExist, None, None},
		{syscall.EMFILE, Descriptors, Descriptors},
		{syscall.ENFILE, Descriptors, Descriptors},
		{syscall.ENOMEM, Memory, Memory},
		{syscall.ENOBUFS, Memory, Memory},
		{syscall.ENOSPC, Space, Space},
		{syscall.EDQUOT, Space, Space},
		{syscall.EIO, Disk, Disk},
		{syscall.EAGAIN, Busy, Busy},
		{syscall.EINTR, Busy, Busy},
		{syscall.EBUSY, Busy, Busy},

		// A file system that is away; between two machines the same codes tell of the other one.
		{syscall.ESTALE, Disk, None},
		{syscall.ENOTCONN, Disk, None},
		{syscall.ETIMEDOUT, Disk, None},
		{syscall.EHOSTUNREACH, Disk, None},
		{syscall.ECONNREFUSED, Disk, None},
		{syscall.ENETDOWN, Disk, Network},
		{syscall.ENETUNREACH, Disk, Network},

		// What was asked for can't be had, now or later.
		{syscall.ENOENT, None, None},
		{syscall.EACCES, None, None},
		{syscall.ENOTDIR, None, None},
		{syscall.ELOOP, None, None},
		{syscall.EADDRINUSE, None, None},
		{syscall.EADDRNOTAVAIL, None, None},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, None, None},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, None, Network},
		{&net.DNSError{UnwrapErr: syscall.EMFILE, IsTemporary: true}, Descriptors, Descriptors},
	} {
		for _, err := range []error{tc.err, fmt.Errorf("wrapped: %w", tc.err), &os.PathError{Op: "open", Path: "/x", Err: tc.err}} {
			if got := OfFile(err); got != tc.file {
				t.Errorf("OfFile(%v) = %v, want %v", err, got, tc.file)
			}
			if got := OfNetwork(err); got != tc.network {
				t.Errorf("OfNetwork(%v) = %v, want %v", err, got, tc.network)
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, tc := range []struct {
		failures    uint32
		least, most time.Duration
	}{
		{0, FirstDelay / 2, FirstDelay},
		{1, FirstDelay / 2, FirstDelay},
		{2, FirstDelay, 2 * FirstDelay},
		{5, 8 * FirstDelay, 16 * FirstDelay},
		{20, MaxDelay / 2, MaxDelay},
		{1 << 31, MaxDelay / 2, MaxDelay},
	} {
		if least, most := Backoff(tc.failures, 0), Backoff(tc.failures, 1); least != tc.least || most != tc.most {
			t.Errorf("after %d failures: %v to %v, want %v to %v", tc.failures, least, most, tc.least, tc.most)
		}
	}
}

// The log is to say once that a trouble begins and once that it is over.
func TestLedger(t *testing.T) {
	var l Ledger
	at := func(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }
	over := func(ms int) []Ended { t.Helper(); return l.Over(at(ms)) }

	if !l.Meet(Space, at(0)) {
		t.Error("the first to meet a trouble does not begin it")
	}
	if l.Meet(Space, at(10)) {
		t.Error("the second begins it again")
	}
	if !l.Meet(Disk, at(20)) {
		t.Error("another trouble does not begin by itself")
	}
	l.Again(Space, at(5000))
	if _, ok := l.Next(); ok || len(over(60_000)) > 0 || l.Waiting(Space) != 2 {
		t.Error("a trouble is over for which somebody waits")
	}
	l.Leave(Space, at(61_000))
	l.Leave(Space, at(62_000))
	if next, ok := l.Next(); !ok || !next.Equal(at(63_000)) {
		t.Errorf("Next = %v, %v", next, ok)
	}
	if len(over(62_999)) > 0 {
		t.Error("it is over too early")
	}
	if l.Meet(Space, at(62_999)) {
		t.Error("it begins anew though it was not over")
	}
	l.Leave(Space, at(63_000))
	if got := over(64_000); len(got) != 1 || got[0] != (Ended{Space, at(0), 4}) {
		t.Errorf("over: %+v", got)
	}
	if len(over(70_000)) > 0 {
		t.Error("it is over twice")
	}
	if !l.Meet(Space, at(70_000)) {
		t.Error("it does not begin anew")
	}
}
