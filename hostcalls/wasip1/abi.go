package wasip1

import "github.com/reactord/reactord/hostcalls/lease"

// The types of WASI preview 1, from its interface definition (typenames.witx of
// wasi_snapshot_preview1). Layouts are those of the canonical witx ABI: little endian, every
// field aligned to its own size.

// filetype is the type of what a descriptor refers to.
type filetype uint8

const (
	filetypeUnknown filetype = iota
	filetypeBlockDevice
	filetypeCharacterDevice
	filetypeDirectory
	filetypeRegularFile
	filetypeSocketDgram
	filetypeSocketStream
	filetypeSymbolicLink
)

// fdflags are the flags of an open descriptor.
type fdflags uint16

const (
	fdflagAppend fdflags = 1 << iota
	fdflagDsync
	fdflagNonblock
	fdflagRsync
	fdflagSync

	fdflagsAll = fdflagAppend | fdflagDsync | fdflagNonblock | fdflagRsync | fdflagSync
)

// rights say which calls a descriptor may be used for.
type rights uint64

const (
	rightFdDatasync rights = 1 << iota
	rightFdRead
	rightFdSeek
	rightFdFdstatSetFlags
	rightFdSync
	rightFdTell
	rightFdWrite
	rightFdAdvise
	rightFdAllocate
	rightPathCreateDirectory
	rightPathCreateFile
	rightPathLinkSource
	rightPathLinkTarget
	rightPathOpen
	rightFdReaddir
	rightPathReadlink
	rightPathRenameSource
	rightPathRenameTarget
	rightPathFilestatGet
	rightPathFilestatSetSize
	rightPathFilestatSetTimes
	rightFdFilestatGet
	rightFdFilestatSetSize
	rightFdFilestatSetTimes
	rightPathSymlink
	rightPathRemoveDirectory
	rightPathUnlinkFile
	rightPollFdReadwrite
	rightSockShutdown
	rightSockAccept
)

// clockid names a clock.
type clockid uint32

const (
	clockRealtime clockid = iota
	clockMonotonic
	clockProcessCPU
	clockThreadCPU
)

// eventtype is the kind of a subscription and of the event that answers it.
type eventtype uint8

const (
	eventClock eventtype = iota
	eventFdRead
	eventFdWrite
)

// eventHangup (eventrwflags) means that the peer has gone.
const eventHangup uint16 = 1

// subclockAbstime (subclockflags) makes a clock subscription's timeout absolute.
const subclockAbstime uint16 = 1

// riflags change how sock_recv receives.
type riflags uint16

const (
	recvPeek riflags = 1 << iota
	recvWaitall
)

// roflags tell about what sock_recv received.
type roflags uint16

// recvDataTruncated means that a datagram was longer than the buffers.
const recvDataTruncated roflags = 1

// sdflags are the directions that sock_shutdown ends.
type sdflags uint8

const (
	shutdownRead sdflags = 1 << iota
	shutdownWrite
)

// Sizes in bytes of the records that cross the boundary.
const (
	sizeIovec        = 8
	sizeFdstat       = 24
	sizeFilestat     = 64
	sizePrestat      = 8
	sizeDirent       = 24
	sizeSubscription = 48
	sizeEvent        = 32
)

// fdstat is the record of the same name: what a descriptor is and what may be done with it.
// Every descriptor embeds one; it is the only copy of the descriptor's flags and rights.
type fdstat struct {
	filetype   filetype
	flags      fdflags
	base       rights
	inheriting rights
	grant      lease.Hold
}

// stat implements descriptor for the types that embed an fdstat.
func (s *fdstat) stat() *fdstat { return s }

// put encodes s into buf, sizeFdstat bytes.
func (s *fdstat) put(buf []byte) {
	clear(buf[:sizeFdstat])
	buf[0] = byte(s.filetype)
	le.PutUint16(buf[2:], uint16(s.flags))
	le.PutUint64(buf[8:], uint64(s.base))
	le.PutUint64(buf[16:], uint64(s.inheriting))
}

// filestat is the record of the same name: the attributes of a file.
type filestat struct {
	dev, ino         uint64
	filetype         filetype
	nlink, size      uint64
	atim, mtim, ctim uint64
}

// put encodes s into buf, sizeFilestat bytes.
func (s *filestat) put(buf []byte) {
	clear(buf[:sizeFilestat])
	le.PutUint64(buf[0:], s.dev)
	le.PutUint64(buf[8:], s.ino)
	buf[16] = byte(s.filetype)
	le.PutUint64(buf[24:], s.nlink)
	le.PutUint64(buf[32:], s.size)
	le.PutUint64(buf[40:], s.atim)
	le.PutUint64(buf[48:], s.mtim)
	le.PutUint64(buf[56:], s.ctim)
}
