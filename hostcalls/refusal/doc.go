// Package refusal notes what a process was refused, so that its end can say so: most programs that are refused something give
// up, by a trap or an exit that does not tell why.
//
// # Concurrency
//
// A [Last] is used on the fiber of its process, and by whoever comes after that. Nothing blocks.
package refusal
