package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/store"
)

// specJSON is the part of a Spec that is not in fields of the record.
type specJSON struct {
	workJSON
	Limits limitsJSON `json:"limits"`
}

// workJSON is a specJSON without its limits.
type workJSON struct {
	Args        []string          `json:"args,omitempty"`
	Env         map[string]string `json:"env,omitempty"`
	Stdin       []byte            `json:"stdin,omitempty"` // only read: older daemons wrote it here
	Interactive bool              `json:"interactive,omitempty"`
	Invoke      string            `json:"invoke,omitempty"`
	Grants      grant.List        `json:"grants,omitempty"`
	OutputMode  api.OutputMode    `json:"output,omitempty"`
	StdoutTo    string            `json:"stdout_to,omitempty"`
	StdinFrom   string            `json:"stdin_from,omitempty"`
	GrantMode   api.GrantMode     `json:"grant_mode,omitempty"`
	Call        *callJSON         `json:"call,omitempty"`
	Serve       *serviceJSON      `json:"serve,omitempty"`
}

// callJSON is an api.FunctionCall.
type callJSON struct {
	Export string          `json:"export"`
	Args   []value.Literal `json:"args,omitempty"`
}

// serviceJSON is an api.HTTPService.
type serviceJSON struct {
	MaxInstances          uint32        `json:"instances,omitempty"`
	MaxConcurrentRequests uint32        `json:"concurrent,omitempty"`
	MaxInstanceRequests   uint32        `json:"requests,omitempty"`
	MaxWaitingRequests    uint32        `json:"waiting,omitempty"`
	IdleTimeout           time.Duration `json:"idle,omitempty"`
	RequestTimeout        time.Duration `json:"timeout,omitempty"`
	AccessLog             bool          `json:"log,omitempty"`
	Certificate           string        `json:"certificate,omitempty"`
	Key                   string        `json:"key,omitempty"`
	Offer                 bool          `json:"offer,omitempty"`
}

type limitsJSON struct {
	MemoryBytes uint64        `json:"memory,omitempty"`
	Fuel        uint64        `json:"fuel,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StackBytes  uint64        `json:"stack,omitempty"`
	LogBytes    uint64        `json:"log,omitempty"`
	Descriptors uint32        `json:"descriptors,omitempty"`
	PendingOps  uint32        `json:"ops,omitempty"`
	Connections uint32        `json:"connections,omitempty"`

	SentBytes      uint64 `json:"sent,omitempty"`
	ReceivedBytes  uint64 `json:"received,omitempty"`
	BytesPerSecond uint64 `json:"rate,omitempty"`
}

// Status is the part of a workload's status that is not in fields of the record.
type Status struct {
	Reason          api.Reason     `json:"reason,omitempty"`
	ExitCode        *uint32        `json:"exit,omitempty"`
	Message         string         `json:"message,omitempty"`
	FirstStart      time.Time      `json:"first,omitzero"` // Timeout counts from here
	StartTime       time.Time      `json:"start,omitzero"`
	EndTime         time.Time      `json:"end,omitzero"`
	Usage           Usage          `json:"usage,omitzero"`
	Results         []string       `json:"results,omitempty"`
	Result          *value.Literal `json:"result,omitempty"`
	ListenAddresses []string       `json:"listening,omitempty"`
	Crash           *Crash         `json:"crash,omitempty"`
	Service         *Service       `json:"service,omitempty"`

	Revoked     []Revocation `json:"revoked,omitempty"`
	Refused     []Refused    `json:"refused,omitempty"`
	RefusedMore bool         `json:"refusedMore,omitempty"`
}

// Service is the stored form of what an api.ServiceStatus counts in all.
type Service struct {
	Requests uint64 `json:"requests"`
	Refused  uint64 `json:"refused,omitempty"`
	Failed   uint64 `json:"failed,omitempty"`
	Started  uint64 `json:"instances,omitempty"`
}

// OfService returns the stored form of a service's status; nil of nil.
func OfService(s *api.ServiceStatus) *Service {
	if s == nil {
		return nil
	}
	return &Service{Requests: s.Requests, Refused: s.Refused, Failed: s.Failed, Started: s.Started}
}

// decode is the opposite of OfService.
func (s *Service) decode() *api.ServiceStatus {
	if s == nil {
		return nil
	}
	return &api.ServiceStatus{Requests: s.Requests, Refused: s.Refused, Failed: s.Failed, Started: s.Started}
}

// Revocation is the stored form of an api.Revocation.
type Revocation struct {
	Grant int       `json:"grant"`
	Time  time.Time `json:"time"`
}

// Refused is the stored form of an api.RefusedAccess.
type Refused struct {
	Kind      api.OpKind     `json:"kind"`
	Target    string         `json:"target"`
	Name      string         `json:"name,omitempty"`
	Protocol  grant.Protocol `json:"protocol,omitempty"`
	Forbidden bool           `json:"forbidden,omitempty"`
	FirstTime time.Time      `json:"first"`
	Count     uint64         `json:"count"`
}

// SetRefused sets what the workload was refused.
func (s *Status) SetRefused(list []api.RefusedAccess, more bool) {
	s.Refused, s.RefusedMore = nil, more
	for _, a := range list {
		s.Refused = append(s.Refused, Refused(a))
	}
}

// RefusedList returns what the workload was refused.
func (s *Status) RefusedList() (list []api.RefusedAccess, more bool) {
	for _, a := range s.Refused {
		list = append(list, api.RefusedAccess(a))
	}
	return list, s.RefusedMore
}

// RevokedOf returns the revocations in an encoded status. Most have none, and are not decoded.
func RevokedOf(status []byte) []Revocation {
	if !bytes.Contains(status, []byte(`"revoked":`)) {
		return nil
	}
	var s struct {
		Revoked []Revocation `json:"revoked"`
	}
	if json.Unmarshal(status, &s) != nil {
		return nil // whoever decodes all of it gets the error
	}
	return s.Revoked
}

// Crash is the stored form of an api.Crash.
type Crash struct {
	Trap          string  `json:"trap"`
	Cause         string  `json:"cause,omitempty"`
	Frames        []Frame `json:"frames,omitempty"`
	FramesOmitted uint32  `json:"omitted,omitempty"`
}

// Frame is the stored form of an api.StackFrame.
type Frame struct {
	Function      string `json:"function,omitempty"`
	Symbol        string `json:"symbol,omitempty"`
	FunctionIndex uint32 `json:"index"`
	CodeOffset    uint64 `json:"offset,omitempty"`
}

// OfCrash returns the stored form of a crash; nil of nil.
func OfCrash(c *api.Crash) *Crash {
	if c == nil {
		return nil
	}
	stored := &Crash{Trap: c.Trap, Cause: c.Cause, FramesOmitted: c.FramesOmitted}
	for _, f := range c.Frames {
		stored.Frames = append(stored.Frames, Frame(f))
	}
	return stored
}

// decode is the opposite of OfCrash.
func (c *Crash) decode() *api.Crash {
	if c == nil {
		return nil
	}
	crash := &api.Crash{Trap: c.Trap, Cause: c.Cause, FramesOmitted: c.FramesOmitted}
	for _, f := range c.Frames {
		crash.Frames = append(crash.Frames, api.StackFrame(f))
	}
	return crash
}

// Usage is the stored form of an api.Usage.
type Usage struct {
	Fuel            uint64        `json:"fuel,omitempty"`
	CPUTime         time.Duration `json:"cpu,omitempty"`
	WaitingTime     time.Duration `json:"waiting,omitempty"`
	PeakMemoryBytes uint64        `json:"memory,omitempty"`
	LogBytes        uint64        `json:"log,omitempty"`
	LogBytesDropped uint64        `json:"dropped,omitempty"`
	ReadyTime       time.Duration `json:"ready,omitempty"`
	Waits           []Wait        `json:"waits,omitempty"`
	SentBytes       uint64        `json:"sent,omitempty"`
	ReceivedBytes   uint64        `json:"received,omitempty"`
}

// Wait is the stored form of an api.WaitUsage.
type Wait struct {
	Kind  api.OpKind    `json:"kind"`
	Time  time.Duration `json:"time,omitempty"`
	Count uint64        `json:"count"`
}

// OfUsage returns the stored form of a usage.
func OfUsage(u api.Usage) Usage {
	stored := Usage{
		Fuel: u.Fuel, CPUTime: u.CPUTime, WaitingTime: u.WaitingTime, PeakMemoryBytes: u.PeakMemoryBytes,
		LogBytes: u.LogBytes, LogBytesDropped: u.LogBytesDropped, ReadyTime: u.ReadyTime,
		SentBytes: u.SentBytes, ReceivedBytes: u.ReceivedBytes,
	}
	for _, w := range u.Waits {
		stored.Waits = append(stored.Waits, Wait(w))
	}
	return stored
}

// Decode is the opposite of OfUsage.
func (u *Usage) Decode() api.Usage {
	usage := api.Usage{
		Fuel: u.Fuel, CPUTime: u.CPUTime, WaitingTime: u.WaitingTime, PeakMemoryBytes: u.PeakMemoryBytes,
		LogBytes: u.LogBytes, LogBytesDropped: u.LogBytesDropped, ReadyTime: u.ReadyTime,
		SentBytes: u.SentBytes, ReceivedBytes: u.ReceivedBytes,
	}
	for _, w := range u.Waits {
		usage.Waits = append(usage.Waits, api.WaitUsage(w))
	}
	return usage
}

// Encoding is an encoded spec without its limits. The limits as they were sent identify what a client sent; the
// limits with defaults filled in are stored.
type Encoding struct {
	// Trace is that of the submission, which is stored with the spec. Hash does not cover it: a repeated submission
	// has a trace of its own.
	Trace hooks.Trace

	spec *api.Spec
	work []byte // a workJSON without its last brace, so that the limits can follow
}

// EncodeSpec encodes the part of a spec that is not in fields of the record.
func EncodeSpec(spec *api.Spec) Encoding {
	work := mustEncode(workJSON{
		Args: spec.Args, Env: spec.Env, Interactive: spec.Interactive, Invoke: spec.Invoke, Grants: spec.Grants,
		OutputMode: spec.OutputMode, StdoutTo: spec.StdoutTo, StdinFrom: spec.StdinFrom, GrantMode: spec.GrantMode,
		Call: (*callJSON)(spec.Call), Serve: (*serviceJSON)(spec.Serve),
	})
	work = work[:len(work)-1]
	if len(work) > 1 {
		work = append(work, ',')
	}
	return Encoding{spec: spec, work: append(work, `"limits":`...)}
}

// Spec returns the bytes that the store keeps of the spec, with the given limits.
func (e Encoding) Spec(limits api.Limits) []byte {
	tail := mustEncode(limitsJSON(limits))
	for _, part := range []struct{ name, value string }{
		{`,"traceparent":`, string(e.Trace.Parent)}, {`,"tracestate":`, e.Trace.State},
	} {
		if part.value != "" {
			tail = append(append(tail, part.name...), mustEncode(part.value)...)
		}
	}
	b := make([]byte, 0, len(e.work)+len(tail)+2+len(e.spec.Stdin))
	b = append(append(append(b, e.work...), tail...), '}')
	if len(e.spec.Stdin) > 0 {
		b = append(append(b, 0), e.spec.Stdin...)
	}
	return b
}

// Hash identifies what a client sent: a repeated submission has the same hash, even if the tag has moved or the
// defaults have changed meanwhile. JSON sorts the keys of maps, so the same spec has the same bytes. Empty and absent
// fields are the same, as they are to clients. The hash stays the same from version to version.
// (TestHashStays)
func (e Encoding) Hash() store.Digest {
	return hash(e.spec, e.work, mustEncode(limitsJSON(e.spec.Limits)), []byte{'}'}, e.spec.Stdin)
}

// IsOf reports whether a record was made from what a client sent; hash is its Hash.
func IsOf(rec *store.Workload, sent *api.Spec, hash store.Digest) bool {
	return rec.SpecHash == hash || len(sent.Stdin) > 0 && rec.SpecHash == formerHash(sent)
}

// formerHash is the Hash of older daemons, which had standard input within the JSON.
func formerHash(spec *api.Spec) store.Digest {
	return hash(spec, mustEncode(specJSON{workJSON{
		Args: spec.Args, Env: spec.Env, Stdin: spec.Stdin, Interactive: spec.Interactive, Invoke: spec.Invoke, Grants: spec.Grants,
	}, limitsJSON(spec.Limits)}))
}

// hash hashes the part of a spec in the record's fields, and the encoded rest.
func hash(spec *api.Spec, encoded ...[]byte) store.Digest {
	labels := spec.Labels
	if len(labels) == 0 {
		labels = nil
	}
	h := sha256.New()
	h.Write(mustEncode(struct {
		Module, Name string
		Labels       map[string]string `json:",omitempty"`
	}{spec.Module, spec.Name, labels}))
	for _, part := range encoded {
		h.Write(part)
	}
	return store.Digest(h.Sum(nil))
}

// DecodeSpec decodes the spec of a record. They share the standard input.
func DecodeSpec(rec *store.Workload) (api.Spec, error) {
	var s specJSON
	head, stdin, apart := bytes.Cut(rec.Spec, []byte{0}) // JSON contains no zero bytes
	if err := json.Unmarshal(head, &s); err != nil {
		return api.Spec{}, fmt.Errorf("the spec of workload %q: %w", rec.ID, err)
	}
	if apart {
		s.Stdin = stdin
	}
	spec := api.Spec{
		Module: rec.Module.String(), Name: rec.Name, Labels: rec.Labels,
		Args: s.Args, Env: s.Env, Stdin: s.Stdin, Interactive: s.Interactive,
		Invoke: s.Invoke, Grants: s.Grants, Limits: api.Limits(s.Limits),
		OutputMode: s.OutputMode, StdoutTo: s.StdoutTo, StdinFrom: s.StdinFrom, GrantMode: s.GrantMode,
		Call: (*api.FunctionCall)(s.Call), Serve: (*api.HTTPService)(s.Serve),
	}
	return spec, nil
}

// Trace returns the trace of a record's submission, if it has one.
func Trace(rec *store.Workload) hooks.Trace {
	var s struct {
		Parent hooks.TraceParent `json:"traceparent"`
		State  string            `json:"tracestate"`
	}
	head, _, _ := bytes.Cut(rec.Spec, []byte{0})
	if !bytes.Contains(head, []byte(`"traceparent"`)) { // the usual case, and a spec can be long
		return hooks.Trace{}
	}
	if json.Unmarshal(head, &s) != nil {
		return hooks.Trace{} // whoever decodes the rest gets the error
	}
	return hooks.Trace(s)
}

// EncodeStatus encodes a status for DecodeStatus.
func EncodeStatus(s *Status) []byte { return mustEncode(s) }

// DecodeStatus decodes the status of a record. No bytes are an empty status.
func DecodeStatus(rec *store.Workload) (Status, error) {
	var s Status
	if len(rec.Status) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(rec.Status, &s); err != nil {
		return s, fmt.Errorf("the status of workload %q: %w", rec.ID, err)
	}
	return s, nil
}

// mustEncode encodes a value of this file's types, which never fails.
func mustEncode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("record: encode %T: %v", v, err))
	}
	return b
}

// stateOf returns a record's state as clients see it. The store does not know WAITING.
func stateOf(s store.State) api.State {
	switch s {
	case store.Pending:
		return api.Pending
	case store.Running:
		return api.Running
	case store.Succeeded:
		return api.Succeeded
	case store.Failed:
		return api.Failed
	default:
		return api.Cancelled
	}
}

// StoredState returns the store's state for a client's.
func StoredState(s api.State) store.State {
	switch s {
	case api.Pending:
		return store.Pending
	case api.Running, api.Waiting:
		return store.Running
	case api.Succeeded:
		return store.Succeeded
	case api.Failed:
		return store.Failed
	default:
		return store.Cancelled
	}
}

// Decode returns a record as clients see it.
func Decode(rec *store.Workload) (*api.Workload, error) {
	spec, err := DecodeSpec(rec)
	if err != nil {
		return nil, err
	}
	status, err := statusOf(rec)
	if err != nil {
		return nil, err
	}
	return &api.Workload{ID: rec.ID, Spec: spec, Status: status}, nil
}

func statusOf(rec *store.Workload) (api.Status, error) {
	s, err := DecodeStatus(rec)
	if err != nil {
		return api.Status{}, err
	}
	var revoked []api.Revocation
	for _, r := range s.Revoked {
		revoked = append(revoked, api.Revocation(r))
	}
	return api.Status{
		Revoked: revoked,
		State:   stateOf(rec.State), Reason: s.Reason, ExitCode: s.ExitCode, Message: s.Message,
		Attempts: rec.Attempts, CreateTime: rec.Created, StartTime: s.StartTime, EndTime: s.EndTime,
		Usage: s.Usage.Decode(), Results: s.Results, Result: s.Result, ListenAddresses: s.ListenAddresses, Crash: s.Crash.decode(),
		Service: s.Service.decode(),
	}, nil
}

// KeepSpecBytes is the largest encoded spec that is kept in memory.
const KeepSpecBytes = 4 << 10

// Slim returns a record without its spec if that is large.
func Slim(rec *store.Workload) *store.Workload {
	if len(rec.Spec) <= KeepSpecBytes {
		return rec
	}
	s := *rec
	s.Spec = nil
	return &s
}
