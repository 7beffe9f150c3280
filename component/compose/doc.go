// Package compose joins components to one, as other tools plug them: what a component, the socket, imports comes from what
// other components, the plugs, export, and so does what these import. The result is a component in the standard format, for
// any runtime.
//
// The components are nested in the result as they are, byte by byte. What is not plugged becomes imports of the result.
// Their types are declared once more, by copying the definitions of the components' own imports; imports of the same name,
// or of the same interface in compatible versions, become one import, of the newest version, which has what all of them
// have.
//
// All functions may be called concurrently; none blocks.
package compose
