package engine

import (
	"errors"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
)

// content is that of a composite.
type content struct{ closed int }

func (c *content) Close() error {
	c.closed++
	return nil
}

// parts loads modules that a composite consists of.
func parts(t *testing.T, e *Engine, digests ...string) (parts []*Module) {
	t.Helper()
	for _, digest := range digests {
		m, err := e.LoadLinked(t.Context(), digest, nil, func() ([]byte, error) { return binaryOf(t, "no_memory"), nil })
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, m)
	}
	return parts
}

func addComposite(t *testing.T, e *Engine, digest string, bytes int64) (*Composite, *content) {
	t.Helper()
	kept := &content{}
	c, err := e.AddComposite(digest, kept, bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c, kept
}

// TestCompositesAreEvicted: a composite is one idle module, however many modules it consists of, and goes with those that are
// nobody else's.
func TestCompositesAreEvicted(t *testing.T) {
	e := newEngine(t, Config{IdleModules: 2})
	a, contentA := addComposite(t, e, "a", 10)
	a.Release(parts(t, e, "shared", "a1", "a2", "a3"))
	b, contentB := addComposite(t, e, "b", 20)
	b.Release(parts(t, e, "shared", "b1"))
	if n := e.CompiledModules(); n != 2 || len(e.modules.byDigest) != 5 || contentA.closed+contentB.closed > 0 {
		t.Errorf("%d modules, of %d parts", n, len(e.modules.byDigest))
	}
	m, err := e.Load(t.Context(), "module", func() ([]byte, error) { return binaryOf(t, "no_memory"), nil })
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
	if contentA.closed != 1 || contentB.closed > 0 || e.HoldComposite("a") != nil {
		t.Errorf("closed: %d times and %d times, want the longest idle", contentA.closed, contentB.closed)
	}
	if n := e.CompiledModules(); n != 2 || len(e.modules.byDigest) != 3 {
		t.Errorf("%d modules, and %d of all kinds", n, len(e.modules.byDigest))
	}
	again := e.HoldComposite("b")
	if again != b || again.Content() != contentB {
		t.Fatal("the other one is not found")
	}
	held := parts(t, e, "shared", "b1")
	again.Release(held[:1]) // loading the others failed
	held[1].Release()
	e.Discard("b")
	if contentB.closed != 1 || len(e.modules.byDigest) != 1 {
		t.Errorf("discarded, it is closed %d times, and %d modules are there", contentB.closed, len(e.modules.byDigest))
	}
}

// TestCompositeMemory: composites count with their bytes, make room while they are idle, and are refused if they don't fit.
func TestCompositeMemory(t *testing.T) {
	e := newEngine(t, Config{ModuleBytes: 1 << 20})
	idle, idleContent := addComposite(t, e, "idle", 700<<10)
	if n := e.ModuleMemory(); n != 700<<10 {
		t.Errorf("%d bytes are counted", n)
	}
	idle.Release(parts(t, e, "part"))
	used, usedContent := addComposite(t, e, "used", 900<<10)
	if n := e.ModuleMemory(); idleContent.closed != 1 || n != 900<<10 {
		t.Errorf("what is idle is closed %d times, %d bytes are counted", idleContent.closed, n)
	}
	same := &content{}
	if c, err := e.AddComposite("used", same, 900<<10); err != nil || c != used || same.closed != 1 {
		t.Errorf("another one of a digest: %v, closed %d times", err, same.closed)
	} else {
		c.Release(nil)
	}
	for bytes, says := range map[int64]func(error) bool{
		200 << 10: func(err error) bool {
			_, transient := errors.AsType[*TransientError](err)
			return transient && errors.Is(err, ErrModuleMemory)
		},
		2 << 20: func(err error) bool {
			refused, ok := errors.AsType[*meter.Error](err)
			return ok && refused.Kind == meter.TooLarge
		},
	} {
		kept := &content{}
		if _, err := e.AddComposite("other", kept, bytes); !says(err) || kept.closed != 1 {
			t.Errorf("%d bytes: %v, closed %d times", bytes, err, kept.closed)
		}
	}
	if n := e.ModuleMemory(); usedContent.closed > 0 || n != 900<<10 {
		t.Errorf("what is in use is closed %d times, %d bytes are counted", usedContent.closed, n)
	}
	e.Discard("used")
	used.Release(nil)
	if n := e.ModuleMemory(); usedContent.closed != 1 || n != 0 {
		t.Errorf("discarded while in use, it is closed %d times, and %d bytes are counted", usedContent.closed, n)
	}
}

// TestCompositesEnd: an engine that is closed keeps no composite.
func TestCompositesEnd(t *testing.T) {
	e := openEngine(t, Config{})
	idle, idleContent := addComposite(t, e, "idle", 1)
	idle.Release(parts(t, e, "part"))
	used, usedContent := addComposite(t, e, "used", 1)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.AddComposite("late", &content{}, 1); err != ErrClosed {
		t.Errorf("afterwards: %v", err)
	}
	used.Release(nil)
	if idleContent.closed != 1 || usedContent.closed != 1 || e.CompiledModules() != 0 {
		t.Errorf("closed %d times and %d times; %d are left", idleContent.closed, usedContent.closed, e.CompiledModules())
	}
}

// TestComponentsAreNotRemembered: that a module is a component is found out again, and takes no module's place.
func TestComponentsAreNotRemembered(t *testing.T) {
	e := newEngine(t, Config{})
	_, err := e.Load(t.Context(), "component", func() ([]byte, error) { return []byte("\x00asm\x0d\x00\x01\x00"), nil })
	if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.Component || e.CompiledModules() != 0 {
		t.Errorf("%v; %d modules are there", err, e.CompiledModules())
	}
}
