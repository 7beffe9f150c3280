package memory

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

func newPool(t testing.TB, limit int64) *Pool {
	t.Helper()
	p := NewPool(Config{LimitBytes: limit})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if used := p.Used(); used != 0 {
			t.Errorf("the closed pool counts %d bytes", used)
		}
	})
	return p
}

func TestClasses(t *testing.T) {
	for _, tt := range []struct {
		size, want int64
		ok         bool
	}{
		{0, 64 * kib, true},
		{64 * kib, 64 * kib, true},
		{64*kib + 1, 256 * kib, true},
		{1 * mib, 1 * mib, true},
		{2 * mib, 4 * mib, true},
		{4*mib + 1, 8 * mib, true},
		{16 * mib, 16 * mib, true},
		{17 * mib, 32 * mib, true},
		{100 * mib, 128 * mib, true},
		{4 * gib, 4 * gib, true},
		{4*gib + 1, 0, false},
	} {
		c, ok := classFor(tt.size)
		if ok != tt.ok || ok && c.bytes() != tt.want {
			t.Errorf("classFor(%d) = %d, %v, want %d, %v", tt.size, c.bytes(), ok, tt.want, tt.ok)
		}
	}
}

func TestLimits(t *testing.T) {
	const page = PageBytes
	type step struct {
		grow, reserve, release int64 // one of them
		refused                bool
	}
	for _, tt := range []struct {
		name          string
		account, pool int64
		max           int64
		steps         []step
		used, peak    int64
	}{
		{name: "none", max: 4 * gib, steps: []step{{grow: 300 * mib}}, used: 300 * mib, peak: 300 * mib},
		{name: "account", account: 2 * page, max: 4 * gib,
			steps: []step{{grow: page}, {grow: 2 * page}, {grow: 3 * page, refused: true}}, used: 2 * page, peak: 2 * page},
		{name: "pool", account: 8 * page, pool: 2 * page, max: 4 * gib,
			steps: []step{{grow: 2 * page}, {grow: 3 * page, refused: true}}, used: 2 * page, peak: 2 * page},
		{name: "module's maximum", max: 2 * page,
			steps: []step{{grow: 2 * page}, {grow: 3 * page, refused: true}}, used: 2 * page, peak: 2 * page},
		{name: "all or nothing", account: 4 * page, max: 4 * gib,
			steps: []step{{grow: page}, {grow: 5 * page, refused: true}, {grow: 4 * page}}, used: 4 * page, peak: 4 * page},
		{name: "reserved bytes share the limit", account: 3 * page, max: 4 * gib,
			steps: []step{{grow: page}, {reserve: page + 1}, {grow: 2 * page, refused: true},
				{release: page + 1}, {grow: 3 * page}}, used: 3 * page, peak: 3 * page},
		{name: "peak stays", account: 3 * page, max: 4 * gib,
			steps: []step{{grow: page}, {reserve: page}, {release: page}}, used: page, peak: 2 * page},
		{name: "what the pool refuses is no peak", account: 8 * page, pool: 2 * page, max: 4 * gib,
			steps: []step{{grow: page}, {reserve: 4 * page, refused: true}}, used: page, peak: page},
		{name: "negative", max: page, steps: []step{{reserve: -1, refused: true}}},
		{name: "never shrinks", max: 4 * gib, steps: []step{{grow: 2 * page}, {grow: page}}, used: 2 * page, peak: 2 * page},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, tt.pool)
			a := p.NewAccount(tt.account, nil)
			defer a.Close()
			m := a.NewMemory(tt.max)
			for i, s := range tt.steps {
				var ok bool
				switch {
				case s.grow != 0:
					ok = m.Reallocate(uint64(s.grow)) != nil
				case s.reserve != 0:
					ok = a.Reserve(s.reserve)
				default:
					a.Release(s.release)
					ok = true
				}
				if ok == s.refused {
					t.Fatalf("step %d %+v: refused = %v", i, s, !ok)
				}
			}
			if a.Used() != tt.used || p.Used() != tt.used || a.Peak() != tt.peak {
				t.Errorf("used %d (pool %d), peak %d; want %d, %d", a.Used(), p.Used(), a.Peak(), tt.used, tt.peak)
			}
		})
	}
}

// TestLargeMemoriesAreReapedInTime: the bytes of large memories are free again, and read as zeroes.
func TestLargeMemoriesAreReapedInTime(t *testing.T) {
	const size = 24 * mib
	p := newPool(t, 2*size)
	for range 20 {
		a := p.NewAccount(0, nil)
		m := a.NewMemory(size)
		view := m.Reallocate(uint64(size))
		for view == nil { // the reaper has the last two yet
			runtime.Gosched()
			view = m.Reallocate(uint64(size))
		}
		if view[0] != 0 || view[size-1] != 0 {
			t.Fatal("not zero")
		}
		view[0], view[size-1] = 1, 1
		a.Close()
		if a.Used() != 0 {
			t.Errorf("the account still counts %d bytes", a.Used())
		}
	}
}

func TestEmptyMemoryIsNotARefusal(t *testing.T) {
	a := newPool(t, 0).NewAccount(0, nil)
	defer a.Close()
	if got := a.NewMemory(0).Reallocate(0); got == nil || len(got) != 0 {
		t.Errorf("Reallocate(0) = %v, want empty and not nil", got)
	}
}

func TestGrowthBeyondTheCopyBoundDoesNotMove(t *testing.T) {
	a := newPool(t, 0).NewAccount(600*mib, nil)
	defer a.Close()
	m := a.NewMemory(4 * gib)
	first := unsafe.SliceData(m.Reallocate(uint64(5 * mib)))
	for _, size := range []int64{100 * mib, 599 * mib, 600 * mib} {
		if got := m.Reallocate(uint64(size)); unsafe.SliceData(got) != first || int64(len(got)) != size {
			t.Errorf("at %d bytes the memory moved or has length %d", size, len(got))
		}
	}
}

func TestClose(t *testing.T) {
	p := newPool(t, 0)
	a := p.NewAccount(0, nil)
	m := a.NewMemory(4 * gib)
	m.Reallocate(uint64(PageBytes))
	if !a.Reserve(100) {
		t.Fatal("refused")
	}
	if err := p.Close(); err == nil {
		t.Fatal("the pool closed under an open account")
	}
	m.Free()
	m.Free()
	if a.Used() != 100 {
		t.Errorf("used %d after Free, want 100", a.Used())
	}
	a.Close()
	a.Close()
	if a.Used() != 0 || a.Peak() != PageBytes+100 {
		t.Errorf("used %d, peak %d", a.Used(), a.Peak())
	}
	if a.Reserve(1) || m.Reallocate(uint64(PageBytes)) != nil {
		t.Error("a closed account gave out bytes")
	}
}

// guest is the model of one account: what its memory must contain.
type guest struct {
	account *Account
	memory  experimental.LinearMemory
	view    []byte
	written map[int]byte
}

// check reads the whole memory: bytes that were not written are zero, growth has kept the contents, and no other guest
// has written here.
func (g *guest) check() error {
	want := make([]byte, len(g.view))
	for at, b := range g.written {
		want[at] = b
	}
	if !bytes.Equal(g.view, want) {
		return fmt.Errorf("a memory of %d bytes is not what was written", len(want))
	}
	return nil
}

// churn runs a random program over a few guests against their models.
func churn(p *Pool, rnd *rand.Rand, steps int) error {
	guests := make([]*guest, 6)
	defer func() {
		for _, g := range guests {
			if g != nil {
				g.account.Close()
			}
		}
	}()
	const limit = 6 * mib
	for range steps {
		i := rnd.IntN(len(guests))
		g := guests[i]
		switch op := rnd.IntN(10); {
		case g == nil:
			g = &guest{account: p.NewAccount(limit, nil), written: map[int]byte{}}
			g.memory = g.account.NewMemory(4 * gib)
			guests[i] = g
		case op == 0:
			if err := g.check(); err != nil {
				return err
			}
			g.account.Close()
			guests[i] = nil
		case op < 4:
			size := int64(len(g.view)) + rnd.Int64N(int64(1)<<rnd.IntN(6))*PageBytes
			view := g.memory.Reallocate(uint64(size))
			if (view == nil) != (size > limit) {
				return fmt.Errorf("growth to %d of at most %d: %v", size, limit, view != nil)
			}
			if view != nil {
				if int64(len(view)) != size || g.account.Used() != size {
					return fmt.Errorf("length %d, used %d, want %d", len(view), g.account.Used(), size)
				}
				g.view = view
			}
		case op == 4:
			if err := g.check(); err != nil {
				return err
			}
		case len(g.view) > 0:
			for range 16 {
				at, b := rnd.IntN(len(g.view)), byte(rnd.UintN(256))
				g.view[at], g.written[at] = b, b
			}
		}
	}
	return nil
}

func TestModel(t *testing.T) {
	p := newPool(t, 0)
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			if err := churn(p, rand.New(rand.NewPCG(seed, 0)), 600); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
	wg.Wait()
}

// TestConcurrentLimit: whatever the interleaving, the pool never counts more
// than its limit, and in the end nothing.
func TestConcurrentLimit(t *testing.T) {
	const limit = 10 * PageBytes
	p := newPool(t, limit)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				a := p.NewAccount(0, nil)
				m := a.NewMemory(4 * gib)
				for pages := int64(1); m.Reallocate(uint64(pages*PageBytes)) != nil; pages++ {
					if used := p.Used(); used > limit {
						t.Errorf("%d bytes used of %d", used, limit)
					}
				}
				a.Close()
			}
		})
	}
	wg.Wait()
}

// TestChurnReservesNoMore: slots are reused whatever sizes come and go.
func TestChurnReservesNoMore(t *testing.T) {
	p := newPool(t, 0)
	round := func() {
		var open []*Account
		for i := range 500 {
			a := p.NewAccount(0, nil)
			m := a.NewMemory(4 * gib)
			for pages := int64(1); pages <= 1<<(i%8); pages *= 2 {
				m.Reallocate(uint64(pages * PageBytes))
			}
			open = append(open, a)
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
		for _, a := range open {
			a.Close()
		}
		p.reaper.running.Wait()
	}
	carved := func() (n int) {
		for c := range p.classes {
			n += len(p.classes[c].free)
		}
		return n
	}
	round()
	before := carved()
	for range 4 {
		round()
	}
	if after := carved(); after > before {
		t.Errorf("%d slots after five rounds, %d after one", after, before)
	}
}

func BenchmarkAccount(b *testing.B) {
	for _, touched := range []int{0, 1, 4, 16} {
		b.Run(fmt.Sprintf("touched=%d", touched), func(b *testing.B) {
			p := newPool(b, 0)
			b.ReportAllocs()
			for b.Loop() {
				a := p.NewAccount(0, nil)
				mem := a.NewMemory(4 * gib).Reallocate(uint64(2 * PageBytes))
				for i := range touched {
					mem[i*4096] = 1
				}
				a.Close()
			}
		})
	}
}

func BenchmarkGrowByPage(b *testing.B) {
	p := newPool(b, 0)
	for b.Loop() {
		a := p.NewAccount(0, nil)
		m := a.NewMemory(4 * gib)
		for size := PageBytes; size <= 64*mib; size += PageBytes {
			m.Reallocate(uint64(size))
		}
		a.Close()
	}
}
