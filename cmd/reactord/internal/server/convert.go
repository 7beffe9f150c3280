package server

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/values"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

// Enums convert by number: those of package api have the values of the API's.

func toSpec(p *reactorv1.WorkloadSpec, bad *fields) api.Spec {
	return api.Spec{
		Module:      p.GetModule(),
		Name:        p.GetName(),
		Labels:      p.GetLabels(),
		Args:        p.GetArgs(),
		Env:         p.GetEnv(),
		Stdin:       p.GetStdin(),
		Interactive: p.GetInteractive(),
		Invoke:      p.GetInvoke(),
		Grants:      toGrants(p.GetGrants()),
		Limits:      toLimits(p.GetLimits(), bad),
		OutputMode:  toOutputMode(p.GetOutputMode(), bad),
		StdoutTo:    p.GetStdoutTo(),
		StdinFrom:   p.GetStdinFrom(),
		GrantMode:   toGrantMode(p.GetGrantMode(), bad),
		Call:        toCall(p.GetCall(), bad),
		Serve:       toService(p.GetServe(), bad),
	}
}

func fromGrantMode(m api.GrantMode) reactorv1.GrantMode {
	if m == api.ReportGrants {
		return reactorv1.GrantMode_GRANT_MODE_REPORT
	}
	return reactorv1.GrantMode_GRANT_MODE_ENFORCE
}

func toGrantMode(p reactorv1.GrantMode, bad *fields) api.GrantMode {
	switch p {
	case reactorv1.GrantMode_GRANT_MODE_UNSPECIFIED, reactorv1.GrantMode_GRANT_MODE_ENFORCE:
		return api.EnforceGrants
	case reactorv1.GrantMode_GRANT_MODE_REPORT:
		return api.ReportGrants
	}
	bad.add("is not a mode", "spec.grant_mode")
	return 0
}

func fromOutputMode(m api.OutputMode) reactorv1.OutputMode {
	if m == api.DeliverOutput {
		return reactorv1.OutputMode_OUTPUT_MODE_DELIVER
	}
	return reactorv1.OutputMode_OUTPUT_MODE_KEEP
}

func toOutputMode(p reactorv1.OutputMode, bad *fields) api.OutputMode {
	if p < 0 || p > reactorv1.OutputMode_OUTPUT_MODE_DELIVER {
		bad.add("is not a mode", "spec.output_mode")
		return 0
	}
	if p == reactorv1.OutputMode_OUTPUT_MODE_DELIVER {
		return api.DeliverOutput
	}
	return api.KeepOutput
}

func fromSpec(s *api.Spec) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{
		Module:      s.Module,
		Name:        s.Name,
		Labels:      s.Labels,
		Args:        s.Args,
		Env:         s.Env,
		Stdin:       s.Stdin,
		Interactive: s.Interactive,
		Invoke:      s.Invoke,
		Grants:      fromGrants(s.Grants),
		Limits:      fromLimits(s.Limits),
		OutputMode:  fromOutputMode(s.OutputMode),
		StdoutTo:    s.StdoutTo,
		StdinFrom:   s.StdinFrom,
		GrantMode:   fromGrantMode(s.GrantMode),
		Call:        fromCall(s.Call),
		Serve:       fromService(s.Serve),
	}
}

func toLimits(p *reactorv1.Limits, bad *fields) api.Limits {
	timeout := p.GetTimeout()
	if timeout != nil && (timeout.CheckValid() != nil || timeout.AsDuration() < 0) {
		bad.add("must be a duration of zero or more", "spec.limits.timeout")
	}
	return api.Limits{
		MemoryBytes: p.GetMemoryBytes(),
		Fuel:        p.GetFuel(),
		Timeout:     timeout.AsDuration(),
		StackBytes:  p.GetStackBytes(),
		LogBytes:    p.GetLogBytes(),
		Descriptors: p.GetDescriptors(),
		PendingOps:  p.GetPendingOps(),
		Connections: p.GetConnections(),

		SentBytes:      p.GetSentBytes(),
		ReceivedBytes:  p.GetReceivedBytes(),
		BytesPerSecond: p.GetBytesPerSecond(),
	}
}

func fromLimits(l api.Limits) *reactorv1.Limits {
	return &reactorv1.Limits{
		MemoryBytes: l.MemoryBytes,
		Fuel:        l.Fuel,
		Timeout:     fromDuration(l.Timeout),
		StackBytes:  l.StackBytes,
		LogBytes:    l.LogBytes,
		Descriptors: l.Descriptors,
		PendingOps:  l.PendingOps,
		Connections: l.Connections,

		SentBytes:      l.SentBytes,
		ReceivedBytes:  l.ReceivedBytes,
		BytesPerSecond: l.BytesPerSecond,
	}
}

func fromWorkload(w *api.Workload) *reactorv1.Workload {
	if w == nil {
		return nil
	}
	return &reactorv1.Workload{Id: w.ID, Spec: fromSpec(&w.Spec), Status: fromStatus(&w.Status)}
}

func fromStatus(s *api.Status) *reactorv1.WorkloadStatus {
	return &reactorv1.WorkloadStatus{
		State:      reactorv1.WorkloadState(s.State),
		Reason:     reactorv1.EndReason(s.Reason),
		ExitCode:   s.ExitCode,
		Message:    s.Message,
		Attempts:   s.Attempts,
		CreateTime: fromTime(s.CreateTime),
		StartTime:  fromTime(s.StartTime),
		EndTime:    fromTime(s.EndTime),
		Usage: &reactorv1.Usage{
			Fuel:            s.Usage.Fuel,
			CpuTime:         durationpb.New(s.Usage.CPUTime),
			WaitingTime:     durationpb.New(s.Usage.WaitingTime),
			PeakMemoryBytes: s.Usage.PeakMemoryBytes,
			LogBytes:        s.Usage.LogBytes,
			LogBytesDropped: s.Usage.LogBytesDropped,
			SentBytes:       s.Usage.SentBytes,
			ReceivedBytes:   s.Usage.ReceivedBytes,
			ReadyTime:       durationpb.New(s.Usage.ReadyTime),
			Waits:           fromWaits(s.Usage.Waits),
			CpuShare:        s.CPUShare,
		},
		WaitingFor:      fromOps(s.WaitingFor),
		Stuck:           s.Stuck,
		Calls:           uint32(s.Calls), //nolint:gosec // it has no more than handles
		Activity:        fromActivity(s.Activity),
		Results:         s.Results,
		Result:          values.Message(s.Result),
		ListenAddresses: s.ListenAddresses,
		Delay:           fromDelay(s.Delay),
		Crash:           fromCrash(s.Crash),
		RevokedGrants:   fromRevoked(s.Revoked),
		Service:         fromServiceStatus(s.Service),
	}
}

func fromCrash(c *api.Crash) *reactorv1.Crash {
	if c == nil {
		return nil
	}
	p := &reactorv1.Crash{Trap: c.Trap, Cause: c.Cause, FramesOmitted: c.FramesOmitted}
	for _, f := range c.Frames {
		p.Frames = append(p.Frames, &reactorv1.StackFrame{
			Function: f.Function, Symbol: f.Symbol, FunctionIndex: f.FunctionIndex, CodeOffset: f.CodeOffset,
		})
	}
	return p
}

func fromDelay(d *api.Delay) *reactorv1.Delay {
	if d == nil {
		return nil
	}
	return &reactorv1.Delay{
		Reason:   reactorv1.DelayReason(d.Reason),
		Message:  d.Message,
		Failures: d.Failures,
		Until:    fromTime(d.Until),
	}
}

func fromModule(m *api.Module) *reactorv1.Module {
	if m == nil {
		return nil
	}
	p := &reactorv1.Module{
		Digest:        m.Digest,
		SizeBytes:     m.SizeBytes,
		Kind:          reactorv1.ModuleKind(m.Kind),
		Tags:          m.Tags,
		CreateTime:    fromTime(m.CreateTime),
		Needs:         m.Needs,
		FunctionCount: m.FunctionCount,
		Name:          m.Name,
		LastUseTime:   fromTime(m.LastUseTime),
		Damaged:       m.Damaged,
		Artifact:      m.Artifact,
		Signer:        m.Signer,
	}
	for _, i := range m.Imports {
		p.Imports = append(p.Imports, &reactorv1.ModuleImport{Module: i.Module, Name: i.Name, Type: i.Type})
	}
	for _, e := range m.Exports {
		p.Exports = append(p.Exports, &reactorv1.ModuleExport{Name: e.Name, Type: e.Type})
	}
	if m.Memory != nil {
		p.Memory = &reactorv1.ModuleMemory{MinBytes: m.Memory.MinBytes, MaxBytes: m.Memory.MaxBytes}
	}
	return p
}

func fromNode(n api.Node) *reactorv1.Node {
	return &reactorv1.Node{
		Version:       n.Version,
		GoVersion:     n.GoVersion,
		Platform:      n.Platform,
		StartTime:     fromTime(n.StartTime),
		Workers:       uint32(n.Workers),
		DataDir:       n.DataDir,
		DefaultLimits: fromLimits(n.DefaultLimits),
		MaxLimits:     fromLimits(n.MaxLimits),
		MemoryBytes:   n.MemoryBytes,
		Draining:      n.Draining,
		ProcessId:     uint32(n.ProcessID),
	}
}

func fromStats(s api.Stats) *reactorv1.Stats {
	return &reactorv1.Stats{
		Time:              fromTime(s.Time),
		Pending:           s.Pending,
		Running:           s.Running,
		Waiting:           s.Waiting,
		WaitingPeak:       s.WaitingPeak,
		Submitted:         s.Submitted,
		Succeeded:         s.Succeeded,
		Failed:            s.Failed,
		Cancelled:         s.Cancelled,
		GuestMemoryBytes:  s.GuestMemoryBytes,
		ResidentBytes:     s.ResidentBytes,
		ResidentPeakBytes: s.ResidentPeakBytes,
		HeapBytes:         s.HeapBytes,
		Goroutines:        s.Goroutines,
		Resumes:           s.Resumes,
		Preemptions:       s.Preemptions,
		Fuel:              s.Fuel,
		BusyTime:          durationpb.New(s.BusyTime),
		WakeLatenessP50:   durationpb.New(s.WakeLatenessP50),
		WakeLatenessP99:   durationpb.New(s.WakeLatenessP99),
		WakeLatenessMax:   durationpb.New(s.WakeLatenessMax),
		CompiledModules:   s.CompiledModules,
		ReadySeconds:      s.ReadySeconds,
		WaitingSeconds:    s.WaitingSeconds,
		Waits:             fromNodeWaits(s.Waits),
		Descriptors:       s.Descriptors,
		MaxDescriptors:    s.MaxDescriptors,
	}
}

func fromNodeWaits(list []api.NodeWait) []*reactorv1.NodeWait {
	waits := make([]*reactorv1.NodeWait, len(list))
	for i, w := range list {
		waits[i] = &reactorv1.NodeWait{Kind: reactorv1.OpKind(w.Kind), Seconds: w.Seconds, Count: w.Count}
	}
	return waits
}

// fromTime returns nil for the zero time, which stands for an unknown time.
func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// fromMicroseconds and toMicroseconds convert times that clients send back as they were; zero is none.
func fromMicroseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func toMicroseconds(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

// fromDuration returns nil for zero, which stands for no bound.
func fromDuration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
