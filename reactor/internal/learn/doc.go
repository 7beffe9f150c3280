// Package learn finds out what grants a workload would need from what it tries.
//
// A [Recorder] notes each thing that a guest tries without a grant: it may be used from any goroutine, does not
// block, and holds at most 256 things and 64 KiB, or 8 things if nobody has asked for notes. [Smallest] turns the notes into grants; it is pure.
//
// # The smallest set
//
// [Smallest] returns grants that allow everything that was noted, and of these sets
//
//   - one that allows nothing else that could have been left out: a connection is allowed by the name if the guest had
//     looked the name up, and no wildcard is ever proposed. A grant to dial a name allows to look it up. An address that
//     has to be granted as such (policy.IsSpecial) is, and then its name is only granted to be looked up. The exception
//     is localhost, which stands for the addresses of this machine;
//   - with few grants: ports in a row become one range, and addresses that are exactly a range of addresses become that
//     range, if every one of them was refused. Whichever of ports and addresses leads to fewer grants is joined first;
//   - in which no grant can be left out, unless the guest tried an address first by itself and later by a name: then it has
//     a grant for both, since what the name led to is not noted.
//
// # What can be learnt
//
// What a guest does after a refusal is not known: a program that may not connect to its database never gets to do anything
// with it. So it can take several runs. Only names are looked up without a grant, so that it is known at once what the guest
// would connect to. Of folders nothing can be learnt from most programs, since it is the guest's own C library, or Go's
// runtime, that looks for a granted folder above a path, and asks the host for nothing if there is none. Only paths that
// lead out of a granted folder by ".." or a link are noted, and no further grant would make those lead anywhere: the granted
// folder would have to be another one.
package learn
