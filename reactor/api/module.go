package api

import (
	"time"

	"github.com/reactord/reactord/component/signature"
)

// Module is a stored WebAssembly binary.
type Module struct {
	Digest        string // "sha256:" and 64 lower-case hexadecimal digits
	SizeBytes     uint64
	Kind          ModuleKind
	Imports       []ModuleImport
	Exports       []ModuleExport
	Memory        *ModuleMemory // nil if the module has none
	Tags          []string
	CreateTime    time.Time
	Needs         []string // capabilities whose host calls it imports: "files", "sockets", "dialling", "names", "requests", "link INTERFACE"
	FunctionCount uint32
	Name          string    // under which it was pushed last, for people
	LastUseTime   time.Time // of the last submission or push
	Damaged       bool      // its last load found it damaged on disk
	Artifact      string    // of a registry, by digest, that the daemon last read it from; empty: none
	Signer        string    // "sha256:" and the digest of the public key that a signature was last verified with; empty: none was
}

// ModuleKind says how a module is run. The values are those of ModuleKind in the API.
type ModuleKind uint8

// The kinds.
const (
	_                ModuleKind = iota
	WASICommand                 // exports _start: runs once, from beginning to end
	WASIReactor                 // its exports are invoked by name, after _initialize
	ComponentCommand            // exports wasi:cli/run: runs once, from beginning to end, or a function is called
	Component                   // its functions are called by name
)

// ModuleImport is one import of a module; Type is in WebAssembly text notation.
type ModuleImport struct{ Module, Name, Type string }

// ModuleExport is one export of a module; Type is in WebAssembly text notation.
type ModuleExport struct{ Name, Type string }

// ModuleMemory describes a linear memory.
type ModuleMemory struct {
	MinBytes uint64
	MaxBytes *uint64 // nil if the module declares none
}

// PushRequest begins a push.
type PushRequest struct {
	Digest    string // names the module
	SizeBytes uint64 // the whole size of the module
	Tag       string // if not empty, points at the module once it is stored
	Name      string // for people; may be empty
	// Artifact and Signer are as in a Module. They are empty for pushes of clients.
	Artifact, Signer string
	// Sender names the connection of the push, which may resume what the same connection sent before. Empty is none.
	Sender string
	// PrefixDigests are the SHA-256 digests of the first mebibyte of the module, of the first two, and so on. The
	// push may resume what other connections sent as far as it agrees with them.
	PrefixDigests [][]byte
}

// UploadRequest is a whole module.
type UploadRequest struct {
	Content   []byte
	Tag, Name string // as in a PushRequest
	Signer    string // as in a PushRequest
}

// PruneRequest says which modules to remove.
type PruneRequest struct {
	// UnusedFor keeps modules that were used within this time.
	UnusedFor time.Duration
	// DryRun removes nothing.
	DryRun bool
}

// PrunedModules is what was removed, or would be.
type PrunedModules struct {
	// Modules are the first MaxPrunedModules of them, without imports and exports.
	Modules []*Module
	// Total is how many there are, and FreedBytes what they and their machine code take on disk.
	Total, FreedBytes uint64
}

// MaxPrunedModules bounds PrunedModules.Modules.
const MaxPrunedModules = 1000

// SnapshotRequest says what to make a snapshot of.
type SnapshotRequest struct {
	Module string // a digest, the beginning of one, or a tag
	Invoke string // the export that is called after _initialize; may be empty
	Tag    string // if not empty, points at the snapshot
	// AllowClock and AllowRandom let the initialization ask for the time and for random numbers.
	AllowClock, AllowRandom bool
}

// Snapshot is a module that was made of what another has initialized.
type Snapshot struct {
	Module        *Module
	From          string // the digest of the module that it is of
	Existed       bool   // the module was there already
	Output        []byte // the beginning of what the initialization wrote
	OutputDropped uint64 // bytes beyond that
}

// ModuleDescription is a module, and what clients need to call the functions of a component.
type ModuleDescription struct {
	Module     *Module
	WIT        string         // the world of a component, or empty
	Signatures *signature.Set // the functions that it exports, or nil
	Callable   []bool         // of each function: whether values of its types can be written
}
