package wasip1

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

func TestMemoryBounds(t *testing.T) {
	m := memory{&linear{bytes: make([]byte, 100)}}
	tests := []struct {
		ptr, n uint32
		want   errno
	}{
		{0, 0, errnoSuccess},
		{0, 100, errnoSuccess},
		{99, 1, errnoSuccess},
		{100, 0, errnoSuccess},
		{0, 101, errnoFault},
		{100, 1, errnoFault},
		{101, 0, errnoFault},
		{math.MaxUint32, 0, errnoFault},
		{math.MaxUint32, 1, errnoFault},
		{math.MaxUint32, math.MaxUint32, errnoFault},
		{1, math.MaxUint32, errnoFault},
	}
	for _, tt := range tests {
		if b, e := m.bytes(tt.ptr, tt.n); e != tt.want || (e == errnoSuccess && len(b) != int(tt.n)) {
			t.Errorf("bytes(%d, %d): %d bytes, errno %d; want errno %d", tt.ptr, tt.n, len(b), e, tt.want)
		}
		if _, e := (memory{}).bytes(tt.ptr, tt.n); e != errnoFault {
			t.Errorf("no memory at all: bytes(%d, %d): errno %d, want fault", tt.ptr, tt.n, e)
		}
	}
	if _, e := m.array(0, 1<<30, 48); e != errnoFault {
		t.Errorf("an array whose size overflows 32 bits: errno %d, want fault", e)
	}
	if _, e := m.array(4, 2, 48); e != errnoSuccess {
		t.Errorf("an array that fits: errno %d", e)
	}
	for ptr, want := range map[uint32]errno{92: errnoSuccess, 93: errnoFault} {
		if e := m.putUint64(ptr, 1); e != want {
			t.Errorf("putUint64(%d): errno %d, want %d", ptr, e, want)
		}
	}
}

// full is the part of a memory of 4 GiB that is safe to use with wazero.
type full struct{ api.Memory }

func (full) Read(offset, n uint32) ([]byte, bool) {
	if offset+n < offset {
		panic("slice bounds out of range")
	}
	return make([]byte, min(n, 1)), true
}

func TestMemoryOfFullSize(t *testing.T) {
	m := memory{full{}}
	for _, tt := range []struct {
		ptr, n uint32
		want   errno
	}{
		{math.MaxUint32 - 1, 1, errnoSuccess},
		{math.MaxUint32, 0, errnoSuccess},
		{math.MaxUint32, 1, errnoFault},
		{math.MaxUint32 - 7, 8, errnoFault},
		{8, math.MaxUint32 - 7, errnoFault},
	} {
		if _, e := m.bytes(tt.ptr, tt.n); e != tt.want {
			t.Errorf("bytes(%#x, %#x): errno %d, want %d", tt.ptr, tt.n, e, tt.want)
		}
	}
}

func TestMemoryPath(t *testing.T) {
	for text, want := range map[string]errno{
		"a/b":                     errnoSuccess,
		"":                        errnoSuccess,
		"\xff":                    errnoIlseq,
		"a\x00b":                  errnoInval,
		strings.Repeat("x", 4095): errnoSuccess,
		strings.Repeat("x", 4096): errnoNametoolong,
	} {
		m := memory{&linear{bytes: []byte(text)}}
		if s, e := m.path(0, uint32(len(text))); e != want || (e == errnoSuccess && s != text) {
			t.Errorf("path of %d bytes: %.10q, errno %d; want errno %d", len(text), s, e, want)
		}
	}
}

// lists makes a memory with a list of buffers, each n long, that lie one after the other from 4096.
func lists(size int, lengths ...uint32) (memory, []byte) {
	buf := make([]byte, size)
	at := uint32(4096)
	for i, n := range lengths {
		le.PutUint32(buf[8*i:], at)
		le.PutUint32(buf[8*i+4:], n)
		at += n
	}
	return memory{&linear{bytes: buf}}, buf
}

func TestIovecs(t *testing.T) {
	m, buf := lists(8192, 3, 0, 5, 2)
	v, e := m.iovecs(0, 4)
	if e != errnoSuccess || v.total != 10 {
		t.Fatalf("iovecs: %d bytes, errno %d; want 10 bytes", v.total, e)
	}
	if n := v.scatter([]byte("abcdefghijXXX")); n != 10 || string(buf[4096:4107]) != "abcdefghij\x00" {
		t.Errorf("scatter = %d: %q", n, buf[4096:4107])
	}
	got := make([]byte, 16)
	if n := v.gather(got); n != 10 || string(got[:n]) != "abcdefghij" {
		t.Errorf("gather = %d: %q", n, got[:n])
	}
	if n := v.gather(got[:4]); n != 4 {
		t.Errorf("gather into a short buffer = %d, want 4", n)
	}
	for skip := range uint32(13) {
		rest := v.after(skip)
		n := rest.gather(got)
		if want := "abcdefghij"[min(skip, 10):]; string(got[:n]) != want || rest.total != uint32(len(want)) {
			t.Errorf("after %d: %q of %d, want %q", skip, got[:n], rest.total, want)
		}
	}
}

func TestIovecsAreBounded(t *testing.T) {
	m, _ := lists(1 << 20)
	if _, e := m.iovecs(0, maxIovecs+1); e != errnoInval {
		t.Errorf("too many buffers: errno %d, want inval", e)
	}
	if v, e := m.iovecs(0, maxIovecs); e != errnoSuccess || v.total != 0 {
		t.Errorf("as many empty buffers as may be: %d bytes, errno %d", v.total, e)
	}
	if _, e := m.iovecs(1<<20-8, 2); e != errnoFault {
		t.Errorf("a list beyond the end: errno %d, want fault", e)
	}
	m, _ = lists(1<<20, 10, 1<<20)
	if _, e := m.iovecs(0, 2); e != errnoFault {
		t.Errorf("a buffer beyond the end: errno %d, want fault", e)
	}
	const whole = 4 << 20
	m, buf := lists(whole)
	for i := range maxIovecs { // of one memory, again and again: 4 GiB in all
		le.PutUint32(buf[8*i+4:], whole)
	}
	v, e := m.iovecs(0, maxIovecs)
	if e != errnoSuccess || v.total != maxTransfer {
		t.Fatalf("iovecs: %d bytes, errno %d; want %d", v.total, e, maxTransfer)
	}
	front := v.front(whole + 10)
	if n := front.gather(make([]byte, 2*whole)); n != whole+10 {
		t.Errorf("gather of the front = %d, want %d", n, whole+10)
	}
	rest := v.after(5*whole + 7)
	if rest.total != maxTransfer-(5*whole+7) || rest.count != maxIovecs-5 || rest.skip != 7 {
		t.Errorf("after five buffers and seven bytes: %+v", rest)
	}
}

// TestIovecsThatOverwriteThemselves reads into the list while it is being used.
func TestIovecsThatOverwriteThemselves(t *testing.T) {
	buf := make([]byte, 64)
	le.PutUint32(buf[4:], 40) // the first buffer is the list itself and more
	le.PutUint32(buf[8:], 48)
	le.PutUint32(buf[12:], 16)
	m := memory{&linear{bytes: buf}}
	v, e := m.iovecs(0, 2)
	if e != errnoSuccess {
		t.Fatal(e)
	}
	if n := v.scatter(bytes.Repeat([]byte{0xff}, 100)); n != 40 {
		t.Errorf("scatter = %d, want 40: the second record is garbage by then", n)
	}
}
