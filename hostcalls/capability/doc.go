// Package capability defines the interface between grants and ABIs. A [Grant] opens itself through an
// [Opener], which each ABI implements. So a kind of grant is written once for all ABIs, and an ABI once
// for all kinds of grants.
//
// The package has only types and imports nothing of the project.
package capability
