package process

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadDisk(t *testing.T) {
	disk, ok := NewDiskReader(t.TempDir()).Read(time.Minute)
	if !ok || disk.Bytes == 0 || disk.Free > disk.Bytes {
		t.Errorf("got %+v, %t", disk, ok)
	}
	if disk, ok := NewDiskReader("/nonesuch").Read(time.Minute); ok {
		t.Errorf("of nothing: %+v", disk)
	}
}

// A file system that does not answer costs those who ask a short time, and one goroutine. When it answers again, so does the reader.
func TestDiskDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const outage, patience = time.Hour, 100 * time.Millisecond
		var reads atomic.Int32
		r := &DiskReader{read: func() (Disk, error) {
			if reads.Add(1) == 1 {
				time.Sleep(outage)
				return Disk{}, errors.New("it went away")
			}
			return Disk{Bytes: 2, Free: 1}, nil
		}}
		for range 3 {
			began := time.Now()
			if disk, ok := r.Read(patience); ok || time.Since(began) != patience {
				t.Errorf("got %+v, %t after %v", disk, ok, time.Since(began))
			}
		}
		if n := reads.Load(); n != 1 {
			t.Errorf("it was read %d times", n)
		}
		time.Sleep(outage)
		if disk, ok := r.Read(patience); !ok || disk.Free != 1 {
			t.Errorf("got %+v, %t", disk, ok)
		}
	})
}
