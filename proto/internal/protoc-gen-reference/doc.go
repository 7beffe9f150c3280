// Command protoc-gen-reference is a plugin of protoc and buf: it writes docs/reference/api.md from the .proto files and
// their comments. `make proto` runs it.
//
// Services come first, since their calls are what a client author looks for; then the messages and enums, by file. The
// last paragraph of a call's comment lists the reasons of its errors (see splitErrors). The plugin fails for a call
// without that list, for a reason that the API does not have, and for two headings with one anchor.
//
// Everything but main is pure.
package main
