package api

import "time"

// Metrics are the figures of a running daemon for whoever watches it over time.
type Metrics struct {
	Stats
	Queue        QueueMetrics
	Parked       []NodeParked
	WakeLateness Lateness
	Modules      ModuleMetrics
	Store        StoreMetrics
	Services     ServiceMetrics

	Sockets            uint64 // that guests have open
	DescriptorsRefused uint64 // times that guests lacked one of the process, since the start
	MachineBytes       uint64 // of memory that the daemon may use: the machine's or the control group's
}

// QueueMetrics are about workloads that have not started: Stats.Pending.
type QueueMetrics struct {
	Max      uint64        // how many there may be
	Bytes    uint64        // their size, as it is bounded
	MaxBytes uint64        // what that may be
	Oldest   time.Duration // how long the one has waited that has waited for longest, since it was submitted or last put back after an attempt
	Delayed  []NodeDelayed // by what keeps them from starting, if that is a trouble of the host; each one that there is
}

// NodeDelayed is how many workloads one trouble of the host keeps from starting.
type NodeDelayed struct {
	Reason DelayReason
	Count  uint64
}

// NodeParked is how many guests wait for one kind of operation.
type NodeParked struct {
	Kind  OpKind
	Count uint64
}

// Lateness is how late all wake-ups by timers were since the start.
type Lateness struct {
	Buckets []LatenessBucket // those that are not empty, in ascending order
	Count   uint64
	Sum     time.Duration
}

// LatenessBucket is how many wake-ups were at most Upper late, and later than those of the bucket before.
type LatenessBucket struct {
	Upper time.Duration // math.MaxInt64 for the last one
	Count uint64
}

// ModuleMetrics are about modules.
type ModuleMetrics struct {
	Compiling uint64
	Waiting   uint64 // to be compiled
	Bytes     uint64 // of compiled ones in memory, about
}

// StoreMetrics are about what is on disk. Each place has a bound.
type StoreMetrics struct {
	Database, Modules StorePlace
	DiskBytes         uint64 // of the file system; zero: it did not answer in time
	DiskFree          uint64
}

// StorePlace is one part of the store.
type StorePlace struct {
	Bytes, MaxBytes uint64
	Outage          bool // it can't be written to for now
}

// ServiceMetrics are about HTTP services.
type ServiceMetrics struct {
	Connections uint64
	Requests    []ServiceRequests // each class that there is
}

// ServiceRequests is how many requests of one class are over, since the start.
type ServiceRequests struct {
	Class string // "2xx" to "5xx", "other", or "broken_off"
	Count uint64
}
