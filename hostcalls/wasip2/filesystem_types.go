package wasip2

import (
	"slices"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func filesystemTypes() component.Interface {
	return component.Interface{
		Name: "wasi:filesystem/types", Version: version,
		Types:     filesystemText,
		Functions: slices.Concat(fileFunctions(), nodeFunctions(), pathFunctions(), listingFunctions()),
		Resources: []component.Resource{
			resource("descriptor", func(h *host) *component.Objects[*wasi.Descriptor] { return &h.descriptors }),
			resource("directory-entry-stream", func(h *host) *component.Objects[*listing] { return &h.listings }),
		},
	}
}

const filesystemText = `
	use wasi:io/streams.{input-stream, output-stream, error};
	use wasi:clocks/wall-clock.{datetime};
	type filesize = u64;
	enum descriptor-type {
		unknown, block-device, character-device, directory, fifo, symbolic-link, regular-file, socket,
	}
	flags descriptor-flags {
		read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory,
	}
	flags path-flags { symlink-follow }
	flags open-flags { create, directory, exclusive, truncate }
	type link-count = u64;
	record descriptor-stat {
		%type: descriptor-type,
		link-count: link-count,
		size: filesize,
		data-access-timestamp: option<datetime>,
		data-modification-timestamp: option<datetime>,
		status-change-timestamp: option<datetime>,
	}
	variant new-timestamp { no-change, now, timestamp(datetime) }
	record directory-entry { %type: descriptor-type, name: string }
	enum error-code {
		access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large, illegal-byte-sequence,
		in-progress, interrupted, invalid, io, is-directory, loop, too-many-links, message-size, name-too-long, no-device,
		no-entry, no-lock, insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable, unsupported,
		no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek, text-file-busy, cross-device,
	}
	enum advice { normal, sequential, random, will-need, dont-need, no-reuse }
	record metadata-hash-value { lower: u64, upper: u64 }
	resource descriptor;
	resource directory-entry-stream;
`
