// Package wasi is the implementation that all versions of WASI for components stand on: what a store has open by its grants, and
// what can be done with it. The versions are packages wasip2 and wasip3, which say it in their WIT; package versions has both.
//
//	Node        what the stores of a node share
//	Host        what a store has: its grants, arguments, standard streams, files
//	Entity      an open file or folder, which descriptors and streams share
//	Descriptor  a component's handle of an Entity, with the operations on it
//	FileCode    why an operation on files has failed; SocketCode the same of sockets
//
// A component may import several versions at once. They share the Host, and no handles.
//
// # Waiting and charging
//
// Everything runs on the store's fibers, and nothing blocks a worker. What waits takes the *component.Call that it is to wait by:
// in a function of WASI 0.2 the store waits, in an asynchronous one of 0.3 only its caller. So between the beginning and the end
// of an operation the component may have done anything, such as drop the descriptor: an operation counts as a user of its Entity.
//
// Calls are charged by the runtime, bytes where values move, and here what comes in addition.
package wasi
