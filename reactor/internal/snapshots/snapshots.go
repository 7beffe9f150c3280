package snapshots

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/modules"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// tenant is on whose behalf sandboxes run.
	tenant = "default"
	// patience is how long a sandbox may run.
	patience = time.Minute
	// section is the custom section of a snapshot that says where it is from.
	section = "reactord.snapshot"
	// program is the only argument of a program in a sandbox, its name.
	program = "snapshot"
)

// Config configures a Maker.
type Config struct {
	Modules  *modules.Registry
	Executor *executor.Executor
	Budget   *hostcalls.Budget
	Parsing  meter.Limits      // of modules
	MaxBytes int               // of a module
	Limits   func() api.Limits // of a sandbox
}

// Maker makes snapshots.
type Maker struct {
	Config
	turn chan struct{} // full while a sandbox runs
}

// New makes a maker.
func New(cfg Config) *Maker { return &Maker{cfg, make(chan struct{}, 1)} }

// origin is what the section says, as JSON.
type origin struct {
	Module string `json:"module"`
	Invoke string `json:"invoke,omitempty"`
}

// Make makes a snapshot of a module and stores it.
func (m *Maker) Make(ctx context.Context, req api.SnapshotRequest) (*api.Snapshot, error) {
	digest, info, err := m.Modules.LookUp(ctx, req.Module)
	if err != nil {
		return nil, err
	}
	if err := check(info, &req); err != nil {
		return nil, err
	}
	m.Modules.Hold(digest)
	defer m.Modules.Release(digest)
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	binary, err := m.Modules.Binary(ctx, digest)
	if err != nil {
		return nil, err
	}
	probe, err := snapshot.NewProbe(binary, m.Parsing)
	if err != nil {
		return nil, m.refuse(digest, nil, err)
	}
	var output stdio.Beginning
	state, err := m.run(ctx, probe, info.Kind, &req, &output)
	if err != nil {
		return nil, m.refuse(digest, &output, err)
	}
	from, err := json.Marshal(origin{digest.String(), req.Invoke})
	if err != nil {
		return nil, err
	}
	out, err := probe.Snapshot(state, snapshot.Options{
		Hidden: hidden(req.Invoke), Origin: &wasm.Custom{Name: section, Data: from},
	})
	if err != nil {
		return nil, m.refuse(digest, &output, err)
	}
	if len(out) > m.MaxBytes {
		return nil, tooLarge(digest, fmt.Sprintf("it would have %d bytes, more than the %d that modules may have", len(out), m.MaxBytes))
	}
	return m.store(ctx, digest, &req, out, &output)
}

// hidden are the exports that made a state.
func hidden(invoke string) []string {
	if invoke == "" { // it was not called, even if an export has that name
		return []string{initialize}
	}
	return []string{initialize, invoke}
}

// store stores a snapshot under the name of the module that it is from. Who trusts that one may trust it as well: it is what that
// module's own code has made of it.
func (m *Maker) store(ctx context.Context, digest store.Digest, req *api.SnapshotRequest, binary []byte, output *stdio.Beginning) (*api.Snapshot, error) {
	former, err := m.Modules.Get(ctx, digest.String())
	if err != nil {
		return nil, err
	}
	module, existed, err := m.Modules.Upload(ctx, api.UploadRequest{Content: binary, Tag: req.Tag, Name: former.Name, Signer: former.Signer})
	if err != nil {
		return nil, err
	}
	return &api.Snapshot{Module: module, From: digest.String(), Existed: existed, Output: output.Kept, OutputDropped: output.Dropped}, nil
}

// run runs an instance of a probe until what initializes it has returned.
func (m *Maker) run(ctx context.Context, probe *snapshot.Probe, kind abi.Kind, req *api.SnapshotRequest, output *stdio.Beginning) (*snapshot.State, error) {
	loaded, err := m.Modules.LoadProbe(ctx, kind, probe.Module)
	if err != nil {
		return nil, err
	}
	defer loaded.Release()
	sandbox := &abi.Sandbox{Clock: req.AllowClock, Random: req.AllowRandom, Probe: probe, MaxBytes: m.MaxBytes}
	process, err := loaded.NewProcess(m.processConfig(req.Invoke, sandbox, output))
	if err != nil {
		return nil, err
	}
	task, err := m.runTask(ctx, process)
	if err == nil && sandbox.State == nil {
		err = task.Err() // it never ran
	}
	if err != nil {
		return nil, &failure{err, process.Refusal()}
	}
	return sandbox.State, nil
}

// runTask runs a process to its end.
func (m *Maker) runTask(ctx context.Context, process abi.Process) (*executor.Task, error) {
	var failed error
	ended, limits := make(chan struct{}), m.Limits()
	task, err := m.Executor.Spawn(executor.TaskSpec{
		Tenant: tenant, FuelLimit: limits.Fuel,
		Turn:      abi.Turns(process, func(_ abi.Exit, err error) { failed = err }),
		Done:      func(*executor.Task) { close(ended) },
		Uncounted: true, // it is no workload
	})
	if err != nil {
		return nil, err
	}
	timeout := patience
	if limits.Timeout > 0 {
		timeout = min(timeout, limits.Timeout)
	}
	late := time.AfterFunc(timeout, func() { task.Cancel(&timeoutError{timeout}) })
	defer late.Stop()
	stop := context.AfterFunc(ctx, func() { task.Cancel(context.Cause(ctx)) })
	defer stop()
	<-ended
	if p := task.Panic(); p != nil {
		return nil, p
	}
	return task, failed
}

// processConfig is the config of a sandbox.
func (m *Maker) processConfig(invoke string, sandbox *abi.Sandbox, output *stdio.Beginning) *abi.Config {
	if invoke == "" {
		invoke = initialize
	}
	limits := m.Limits()
	return &abi.Config{
		Args: []string{program}, Invoke: invoke, Stdout: output, Stderr: output, Sandbox: sandbox,
		MemoryBytes: int64(limits.MemoryBytes), StackBytes: int64(limits.StackBytes),
		Descriptors: int(limits.Descriptors), PendingOps: int(limits.PendingOps),
		Budget: m.Budget, Owner: program, Driver: m.Executor.Driver(),
	}
}
