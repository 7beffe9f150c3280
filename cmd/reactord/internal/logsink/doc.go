// Package logsink sends on what guests print, line by line: as JSON to the standard output, or to a collector of OpenTelemetry.
//
//	Sink    the queue, and the goroutine that sends
//	output  what one attempt prints, cut into lines
//	sender  where they go
//
// # Lines
//
// A line is sent when it is complete, or when its attempt has ended. One that is longer than maxLine goes out in pieces, as does one for whose
// beginning there is no room; all but the last are marked as partial.
//
// # Bounds
//
// Guests never wait. Lines that wait to be sent, and those that are not complete, have maxBytes together, of which the latter have
// half. An attempt may print so many lines at once (burst) and so many a second (perSecond), for the work on them is charged to nobody.
// What is beyond is lost, counted in lines, and told in the log.
//
// # Concurrency
//
// An output belongs to one goroutine at a time; those of several attempts are independent. A write takes a lock of the sink for as long as it takes
// to append lines to a list. One goroutine sends, and may block for as long as whoever reads does not: the log says so once lines are lost.
package logsink
