// Package names has the grammar of the names in components: labels, the names of imports and exports, and the versions in
// the names of interfaces.
//
// All functions may be called concurrently; none blocks.
//
// The grammar is defined in WebAssembly/component-model, design/mvp/Explainer.md, "Import and Export Definitions". Names
// of implementations ("locked-dep=", "unlocked-dep=", "url=", "integrity="), which the specification no longer has, are
// read too, since other runtimes do.
package names
