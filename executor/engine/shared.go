package engine

import (
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
)

var (
	// ErrOutOfMemory means that the instance's own limit leaves no room for its start or for its call
	// stack to grow.
	ErrOutOfMemory = errors.New("out of memory: the limit is reached")
	// ErrNodeMemory means that the instance's own limit leaves room, but the limit of all instances
	// together does not. There may be room when other instances have ended.
	ErrNodeMemory = errors.New("out of memory: the limit of all instances together is reached")
)

// InstanceConfig says for which Host and within which limits an instance, or a group of them, runs.
type InstanceConfig struct {
	Host        Host
	MemoryBytes int64 // bound on linear memory, tables and grown call stack together; 0: no bound
	StackBytes  int64 // bound on the call stack; 0: 1 MiB
	HeldBytes   int64 // memory that the caller holds for the instance, counted with the rest

	// Allowance is the memory that the instance may hold without asking for more; nil: no bound. Its Ask
	// is called on the instance's goroutine, also in the middle of guest code. If Ask fails, the guest
	// ends with that error, or Instantiate returns it.
	Allowance *Allowance

	// OnGrowRefused, unless nil, is called on the fiber when memory.grow returns -1, because of MemoryBytes or
	// because the system has no memory: the size that the guest asked for, and ErrOutOfMemory or an error of
	// the operating system. A module's own maximum, and one that the guest ends for, are not told.
	OnGrowRefused func(bytes int64, why error)

	// Offload runs a job that takes more than half a millisecond while the fiber is parked; nil: such
	// jobs run on the fiber. If Offload fails, Instantiate returns its error, and Offload must arrange
	// that discard is called when the job has ended, from any goroutine.
	Offload func(job, discard func()) error
}

// Allowance bounds the memory that an instance may hold without asking.
type Allowance = memory.Allowance

// shared is what the instances of one Host have in common: an Instance is the only one, a Group has several.
type shared struct {
	engine  *Engine
	host    Host
	account *memory.Account
	stack   stackBudget
	quantum int64 // fuel of the last Refill
	ended   bool
	offload func(job, discard func()) error

	// The counters; nil before there are any.
	fuel      api.MutableGlobal
	stackLeft api.MutableGlobal // stack bytes left of those granted

	onGrowRefused func(bytes int64, why error)
}

// open sets s up and binds it to its host.
func (s *shared) open(e *Engine, config InstanceConfig) error {
	b := config.Host.binding()
	if b.shared != nil {
		return errBound
	}
	*s = shared{
		engine:  e,
		host:    config.Host,
		account: e.pool.NewAccount(config.MemoryBytes, config.Allowance),
		stack:   newStackBudget(config.StackBytes),
		offload: config.Offload,

		onGrowRefused: config.OnGrowRefused,
	}
	b.shared = s
	return nil
}

var errBound = errors.New("engine: the host has an instance already")

// useCounters sets the counters to those that an instance exports.
func (s *shared) useCounters(counters api.Module) {
	s.fuel = counters.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	s.stackLeft = counters.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
	s.fuel.Set(uint64(s.quantum))
	s.stackLeft.Set(uint64(s.stack.granted))
}

// Refill sets the fuel that the guest may burn from now on. It must not be called while guest code runs.
func (s *shared) Refill(quantum int64) {
	s.quantum = quantum
	if s.fuel != nil {
		s.fuel.Set(uint64(quantum))
	}
}

// Burnt returns the fuel used since the last Refill, which it may exceed by less than the fuel of one
// check. It must not be called while guest code runs.
func (s *shared) Burnt() int64 {
	if s.fuel == nil {
		return 0
	}
	return s.quantum - int64(s.fuel.Get())
}

// burn charges the guest for work that the host is about to do for it.
func (s *shared) burn(units int64) error {
	left := int64(s.fuel.Get()) - units
	s.fuel.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	return s.host.Preempt()
}

// growStack grants more stack to a guest whose stack bytes are below zero, or returns the error with which
// it ends. The guest pays fuel for the grant, since wazero moves to a stack of twice the size.
func (s *shared) growStack() error {
	left := int64(s.stackLeft.Get())
	if left >= 0 {
		return nil
	}
	more, err := s.stack.grow(-left, s.account)
	if err != nil {
		return err
	}
	s.stackLeft.Set(uint64(left + more))
	return s.burn(more * stackCost)
}

// Hold counts bytes that the host holds for the guest as its memory, and reports whether the guest's own limit has room for
// them. If the allowance denies them it ends the guest, as it does when the guest's memory grows. It is called on the
// guest's goroutine, in a host call.
func (s *shared) Hold(bytes int64) bool {
	if s.account.Reserve(bytes) {
		return true
	}
	if s.account.Denied() {
		Abort(refusal(s.account))
	}
	return false
}

// Free stops counting bytes of Hold. Close does it for the rest.
func (s *shared) Free(bytes int64) { s.account.Release(bytes) }

// PeakMemory returns the most bytes that the guest has held of linear memory, tables and grown call
// stack. It may be called from any goroutine.
func (s *shared) PeakMemory() int64 { return s.account.Peak() }

// clear writes zeroes to a memory in pieces, at the price of memory.fill.
func (s *shared) clear(memory api.Memory, offset, n int64) error {
	view, ok := memory.Read(0, 1)
	if !ok {
		return nil // it is empty
	}
	own := s.account.MemoryAt(&view[0])
	for n > 0 {
		piece := min(n, clearPiece)
		if err := s.burn(piece / meter.ClearedPerUnit); err != nil {
			return err
		}
		own.Clear(offset, piece)
		offset, n = offset+piece, n-piece
	}
	return nil
}

// release frees what the guest has besides its instances, which must be closed.
func (s *shared) release() {
	s.account.Close()
	s.fuel, s.stackLeft = nil, nil
	s.ended = true
}

// refusal returns the error for an account's last refusal.
func refusal(account *memory.Account) error {
	switch err := account.Refusal(); {
	case errors.Is(err, memory.ErrAccountLimit):
		return ErrOutOfMemory
	case errors.Is(err, memory.ErrPoolLimit):
		return ErrNodeMemory
	default:
		return err
	}
}
