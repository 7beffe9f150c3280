// Package capability is what grants and ABIs know of each other. A [Grant] opens itself by what an [Opener]
// has to offer, whatever the ABI of the guest is that it is opened for; so a kind of grants is written once
// for all ABIs, and an ABI once for all kinds.
//
// The package is types alone, and imports nothing of the project.
package capability
