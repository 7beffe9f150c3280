// Package capability defines the interface between grants and ABIs. A [Grant] opens itself through an
// [Opener], which each ABI implements. A kind of grant that uses existing methods of Opener works with
// every ABI.
//
// The package has only types. Of the project it imports the names of package network.
package capability
