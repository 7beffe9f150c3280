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
	owner   owner // that it is part of
	host    Host
	account *memory.Account
	ended   bool
	offload func(job, discard func()) error

	onGrowRefused func(bytes int64, why error)
}

// open sets s up and binds its owner to the host.
func (s *shared) open(e *Engine, config InstanceConfig, o owner) error {
	b := config.Host.binding()
	if b.shared != nil {
		return errBound
	}
	*s = shared{
		engine:  e,
		owner:   o,
		host:    config.Host,
		account: e.pool.NewAccount(config.MemoryBytes, config.Allowance),
		offload: config.Offload,

		onGrowRefused: config.OnGrowRefused,
	}
	b.shared = s
	return nil
}

var errBound = errors.New("engine: the host has an instance already")

// Hold counts bytes that the host holds for the guest as its memory, and reports whether the guest's own limit has room for
// them. If the allowance denies them it ends the guest, as it does when the guest's memory grows. It is called on the
// guest's goroutine, in a host call.
func (s *shared) Hold(bytes int64) bool {
	ok, err := s.TryHold(bytes)
	if err != nil {
		Abort(err)
	}
	return ok
}

// TryHold is Hold, but for that it returns the error with which the guest has to end. It may be called when no code of the guest runs.
func (s *shared) TryHold(bytes int64) (ok bool, err error) {
	if s.account.Reserve(bytes) {
		return true, nil
	}
	if s.account.Denied() {
		return false, refusal(s.account)
	}
	return false, nil
}

// Free stops counting bytes of Hold. Close does it for the rest.
func (s *shared) Free(bytes int64) { s.account.Release(bytes) }

// PeakMemory returns the most bytes that the guest has held of linear memory, tables and grown call
// stack. It may be called from any goroutine.
func (s *shared) PeakMemory() int64 { return s.account.Peak() }

// clear writes zeroes to a memory of the guest in pieces, at the price of memory.fill.
func (s *shared) clear(memory api.Memory, offset, n int64) error {
	view, ok := memory.Read(0, 1)
	if !ok {
		return nil // it is empty
	}
	own := s.account.MemoryAt(&view[0])
	for n > 0 {
		piece := min(n, clearPiece)
		if err := s.owner.burn(piece / meter.ClearedPerUnit); err != nil {
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
