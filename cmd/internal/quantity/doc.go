// Package quantity reads and writes the sizes and numbers that people give to either command, in flags, the
// environment and configuration files, so that each spelling means the same everywhere.
//
//	number = digits [ "." digits ] [ "e" digits ]    1000, 1_000_000, 1e9, 2.5e6
//	count  = number                                  a whole one
//	size   = number [ unit ]                         65536, 64MiB, 64M, 1.5 GiB, 64MB
//
// K, M, G and T are powers of 1024 like KiB, MiB, GiB and TiB; kB, MB, GB and TB are powers of 1000. Units may be
// written in either case. The arithmetic is exact; a fraction of a byte is rounded down. What has been measured is shown
// rounded instead (HumanSize).
//
// Everything is pure and may be called from any goroutine, except that a flag is for one at a time.
package quantity
