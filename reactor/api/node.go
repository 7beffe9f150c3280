package api

import "time"

// Node describes the daemon.
type Node struct {
	Version       string
	GoVersion     string
	Platform      string // such as "linux/amd64"
	StartTime     time.Time
	Workers       int
	DataDir       string
	DefaultLimits Limits
	MaxLimits     Limits
	MemoryBytes   uint64 // bounds the linear memory and stacks of all guests together
	Draining      bool
	ProcessID     int
}

// Stats are the figures of a running daemon.
type Stats struct {
	Time              time.Time
	Pending           uint64 // not started
	Running           uint64 // computing or ready to
	Waiting           uint64 // waiting for host operations
	WaitingPeak       uint64 // the largest Waiting since the start
	Submitted         uint64 // this and the next three since the start
	Succeeded         uint64
	Failed            uint64
	Cancelled         uint64
	GuestMemoryBytes  uint64 // linear memory and stack charged to guests
	ResidentBytes     uint64
	ResidentPeakBytes uint64
	HeapBytes         uint64
	Goroutines        uint64
	Resumes           uint64
	Preemptions       uint64
	Fuel              uint64
	BusyTime          time.Duration
	WakeLatenessP50   time.Duration
	WakeLatenessP99   time.Duration
	WakeLatenessMax   time.Duration
	CompiledModules   uint64
	ReadySeconds      float64    // how long guests were ready and had no worker, all together
	WaitingSeconds    float64    // how long they were parked: the sum of Waits
	Waits             []NodeWait // by the first operation of each wait, in the order of the kinds
	Descriptors       uint64     // of the process, that guests hold
	MaxDescriptors    uint64
}

// NodeWait is how long all guests together have waited for one kind of operation.
type NodeWait struct {
	Kind    OpKind
	Seconds float64
	Count   uint64 // of waits that are over
}
