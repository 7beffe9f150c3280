package reactor

import (
	"errors"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// The queue has the age of what the host delays, too, and says what is lacking.
func TestMetricsOfTheQueue(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxPending, c.MaxPendingBytes = 7, 1<<20 })
	push(t, r, "hello")
	feed := starve(t, r)
	submit(t, r, "delayed", withFolder(t, api.Spec{Module: "hello"}))
	awaitDelay(t, r, "delayed")
	began := time.Now()
	await(t, "its age grows", func() bool { return r.Metrics().Queue.Oldest >= 300*time.Millisecond })
	m := r.Metrics()
	if age := m.Queue.Oldest; age > time.Since(began)+time.Minute {
		t.Errorf("it has waited for %v", age)
	}
	if m.Queue.Max != 7 || m.Queue.MaxBytes != 1<<20 || m.Queue.Bytes == 0 || m.DescriptorsRefused == 0 {
		t.Errorf("got %+v, %d refusals", m.Queue, m.DescriptorsRefused)
	}
	for _, d := range m.Queue.Delayed {
		want := uint64(0)
		if d.Reason == api.DelayReason(retry.Descriptors) {
			want = 1
		}
		if d.Count != want {
			t.Errorf("%d wait for %v, want %d", d.Count, d.Reason, want)
		}
	}
	if len(m.Queue.Delayed) != retry.Troubles-1 {
		t.Errorf("there are %d reasons", len(m.Queue.Delayed))
	}
	feed()
	wait(t, r, "delayed")
	if m := r.Metrics(); m.Queue.Oldest != 0 || m.Queue.Bytes != 0 {
		t.Errorf("nothing waits: %+v", m.Queue)
	}
}

// Each part of the store has its size, its bound, and its outage.
func TestMetricsOfTheStore(t *testing.T) {
	r := open(t, func(c *Config) { c.StoreBytes, c.ModuleStoreBytes = 64*mib, 32*mib })
	push(t, r, "hello")
	m := r.Metrics().Store
	if m.Database.MaxBytes != 64*mib || m.Modules.MaxBytes != 32*mib || m.Database.Bytes == 0 || m.Modules.Bytes == 0 ||
		m.Database.Outage || m.Modules.Outage || m.DiskBytes == 0 || m.DiskFree > m.DiskBytes {
		t.Errorf("got %+v", m)
	}
	r.onOutage(store.ModulesOutage, errors.New("it is full"))
	if m := r.Metrics().Store; m.Database.Outage || !m.Modules.Outage {
		t.Errorf("without modules: %+v", m)
	}
	r.onOutage(store.DatabaseOutage, errors.New("it is full"))
	r.onOutage(store.ModulesOutage, nil)
	if m := r.Metrics().Store; !m.Database.Outage || m.Modules.Outage {
		t.Errorf("without the database: %+v", m)
	}
	r.onOutage(store.DatabaseOutage, nil)
	if m := r.Metrics().Store; m.Database.Outage || m.Modules.Outage {
		t.Errorf("in the end: %+v", m)
	}
}
